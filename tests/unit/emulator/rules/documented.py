"""The values of the fields of a request as the contract documents them, and those just beyond.

They are taken from neither of the two readings that are compared with them. Where the contract has no list
and no range, as for an id, the values stand here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from tests.unit.emulator.rules.library import AUDIO, GENERATED, IMAGES, MASK, VIDEO
from tests.unit.openapi import contract, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ABSENT", "SPEAKER_BEYOND", "Value", "request_values"]

ABSENT: Any = ...
"""Stands for a field that is not there."""

_IDS = {
    "source_video_id": GENERATED,
    "video_media_id": VIDEO,
    "audio_media_id": AUDIO,
    "img_id": IMAGES[0],
    "img_ids": IMAGES[0],
    "first_frame_img": IMAGES[0],
    "last_frame_img": IMAGES[1],
    "template_id": 302325299692608,
    "restyle_id": 315446315336768,
}
_IMAGE_TEMPLATE = 384268229671680
_LARGEST_ID = 2**64 - 1

# Texts that the contract only calls strings, or names a limit of in a description.
_TEXTS = {
    "mask_id": (MASK,),
    "mask_ids": (MASK,),
    "mask_urls": ("https://media.example/mask.png",),
    "prompt": ("a @boat at sea", "x" * 2048, "x" * 2049),
    "lip_sync_tts_content": ("Good morning.", "x" * 140, "x" * 141),
    "reference_mode": ("omni", "another"),
    # The list of section 5.11, which calls the last both ways.
    "lip_sync_tts_speaker_id": (*map(str, range(1, 15)), "Auto", "auto"),
}
SPEAKER_BEYOND = "15"
_TEXTS_BEYOND = {"lip_sync_tts_speaker_id": (SPEAKER_BEYOND,)}

# A range of more numbers is tried at its edges.
_SHORT_RANGE = 31

How = Literal["inside", "beyond", "nothing"]


@dataclass(frozen=True)
class Value:
    """One value of a field.

    :param how: whether the contract allows it, or whether it counts as not given: absence, 0 for an id, "".
    :param name: by which the tables of the tests call it.
    """

    value: Any
    how: How
    name: str = ""

    def __str__(self) -> str:
        if self.name:
            return self.name
        if self.value is ABSENT:
            return "absent"
        text = repr(self.value)
        return text if len(text) < 60 else f"{self.value[:1]} x {len(self.value)}"


def request_values(path: str) -> dict[str, tuple[Value, ...]]:
    """Return the values of every field of a request; absence is one of them.

    :param path: of the POST that the contract documents.
    """
    body = contract()["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    properties, required = _object(body)
    found = {
        name: (
            *_distinct(_values(name, schema)),
            Value(ABSENT, "beyond" if name in required else "nothing"),
        )
        for name, schema in properties.items()
    }
    if path == "/image/template/generate":
        # Those of videos are others.
        known, *others = found["template_id"]
        found["template_id"] = (replace(known, value=_IMAGE_TEMPLATE), *others)
    return found


def _distinct(values: Iterator[Value]) -> Iterator[Value]:
    """Yield each value once; lists have no hash, and True equals 1."""
    seen: set[str] = set()
    for value in values:
        if repr(value.value) not in seen:
            seen.add(repr(value.value))
            yield value


@cache
def _every_choice() -> dict[str, tuple[Any, ...]]:
    """Return all the values that a field of this name is ever documented with."""
    found: dict[str, dict[Any, None]] = defaultdict(dict)

    def look(schema: dict[str, Any]) -> None:
        for name, of_field in _object(schema)[0].items():
            simple = _simple(of_field)
            found[name] |= dict.fromkeys(simple.get("enum", []))
            look(simple.get("items", {}))

    for operations in contract()["paths"].values():
        body = operations.get("post", {}).get("requestBody", {"content": {}})
        for media in body["content"].values():
            look(media["schema"])
    return {name: tuple(values) for name, values in found.items()}


def _object(schema: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Return the properties of an object and the names of those that are required."""
    schema = resolved(schema)
    properties, required = dict(schema.get("properties", {})), set(schema.get("required", []))
    for part in schema.get("allOf", []):
        others, also_required = _object(part)
        properties |= others
        required |= also_required
    return properties, required


def _simple(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without references and ``allOf``."""
    schema = resolved(schema)
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema.get("allOf", []):
        merged |= _simple(part)
    return merged


def _values(name: str, schema: dict[str, Any]) -> Iterator[Value]:
    schema = _simple(schema)
    if "enum" in schema:
        yield from (Value(value, "inside") for value in schema["enum"])
        # Other kinds may have more.
        others = [value for value in _every_choice()[name] if value not in schema["enum"]]
        yield from (Value(value, "beyond") for value in (*others, f"no_{name}"))
        return
    match schema["type"]:
        case "boolean":
            yield from (Value(True, "inside"), Value(False, "inside"))
        case "integer" if schema.get("format") == "uint64":
            yield Value(_IDS[name], "inside")
            yield Value(0, "nothing")
            yield from (Value(-1, "beyond"), Value(_LARGEST_ID + 1, "beyond"))
        case "integer":
            yield from _numbers(schema)
        case "string":
            yield from _texts(name, schema)
        case "array":
            yield from _lists(name, schema)
        case other:
            raise NotImplementedError(f"{name} is {other!r}")


def _numbers(schema: dict[str, Any]) -> Iterator[Value]:
    lowest, highest = schema["minimum"], schema.get("maximum")
    if highest is None:
        inside = [lowest, lowest + 1]
    elif highest - lowest < _SHORT_RANGE:
        inside = [*range(lowest, highest + 1)]
    else:
        inside = [lowest, lowest + 1, highest]
    yield from (Value(number, "inside") for number in inside)
    yield Value(lowest - 1, "beyond")
    if highest is not None:
        yield Value(highest + 1, "beyond")


def _texts(name: str, schema: dict[str, Any]) -> Iterator[Value]:
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    yield from (Value(text, "inside") for text in _TEXTS.get(name, ("a boat",)))
    yield from (Value(text, "beyond") for text in _TEXTS_BEYOND.get(name, ()))
    yield Value("", "beyond" if shortest else "nothing")
    if longest is not None:
        yield from (Value("x" * longest, "inside"), Value("x" * (longest + 1), "beyond"))
    if "pattern" in schema:
        yield from (Value("a-b", "beyond"), Value("Boot é", "beyond"))


def _lists(name: str, schema: dict[str, Any]) -> Iterator[Value]:
    fewest, most = schema.get("minItems", 0), schema.get("maxItems")
    for length in range((most or 2) + (1 if most is None else 2)):
        how: How = "inside" if fewest <= length and (most is None or length <= most) else "beyond"
        items = [_item(name, schema["items"], index) for index in range(length)]
        yield Value(items, how if items or fewest else "nothing", f"{length} items")
    first, *others = [_item(name, schema["items"], index) for index in range(max(fewest, 1))]
    for item in _changed(name, schema["items"], first):
        yield Value([item.value, *others], item.how, f"first item {item}")
    if others:
        for item in _changed(name, schema["items"], others[-1]):
            yield Value([first, *others[:-1], item.value], item.how, f"last item {item}")


def _item(name: str, schema: dict[str, Any], index: int) -> Any:
    image = IMAGES[index % len(IMAGES)]
    match name:
        case "image_references":
            return {"type": "subject", "img_id": image, "ref_name": "boat" if index == 0 else f"boat {index}"}
        case "multi_transition":
            return {"img_id": image, "duration": 3}
        case "video_references":
            return {"video_id": GENERATED}
        case "img_ids":
            return image
    return next(_values(name, schema)).value


def _changed(name: str, schema: dict[str, Any], item: Any) -> Iterator[Value]:
    """Yield the items that another value makes of one."""
    if not isinstance(item, dict):
        yield from _values(name, schema)
        return
    properties, required = _object(schema)
    if not properties:
        # Its shape is not recorded, so whatever it is may be right.
        return
    for field, of_field in properties.items():
        for value in _distinct(_values(field, of_field)):
            how = _within(value.how, field, required)
            yield Value(item | {field: value.value}, how, f"with {field} {value}")
        left = {key: value for key, value in item.items() if key != field}
        yield Value(left, _within("nothing", field, required), f"without {field}")
    yield Value(item | {"no_such_key": 1}, "beyond", "with no_such_key")


def _within(how: How, field: str, required: set[str]) -> How:
    if how != "nothing":
        return how
    return "beyond" if field in required else "inside"
