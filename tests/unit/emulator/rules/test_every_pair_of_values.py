"""Both readings of the documents agree on every documented value of every field, and on every pair of them.

The provider and the emulator have read the documents each for itself. Here each of them is handed what the
contract documents, and what lies just beyond: a request that is right, with any two fields of any two values.
Where they do not agree, or where both leave the contract, a row of a table below says why; a row that is no
longer true fails the test.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pixverse_provider.api.generations import field_names
from pixverse_provider.exceptions import PixVerseInvalidRequestError
from tests.support.kinds import NAMES, Ids, request_class, smallest
from tests.unit.emulator.rules.documented import ABSENT, SPEAKER_BEYOND, Value, request_values
from tests.unit.emulator.rules.library import AUDIO, GENERATED, IMAGES, MASK, VIDEO
from tests.unit.emulator.rules.readings import Refusal, charged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pixverse_provider.api.generations import GenerationRequest

    Arguments = dict[str, Any]

KINDS = (*NAMES, "LipSync")
IDS = Ids(video=GENERATED, media=VIDEO, images=(IMAGES[0], IMAGES[1]), mask=MASK)


@dataclass(frozen=True)
class Row:
    """Requests that only one of both accepts, and why it is right so.

    :param kinds: of requests, in each of which there are some.
    """

    kinds: tuple[str, ...]
    only: Literal["provider", "emulator"]
    where: Callable[[Arguments], bool]
    why: str


WITH_SPEECH = ("TextToVideo", "ImageToVideo", "Transition")

DISAGREEMENTS = (
    Row(
        WITH_SPEECH,
        "provider",
        lambda request: (
            bool(request.get("lip_sync_tts_switch"))
            and request.get("lip_sync_tts_speaker_id") == SPEAKER_BEYOND
        ),
        "The list of voices is PixVerse's, and may grow; within a clip.",
    ),
    Row(
        ("LipSync",),
        "provider",
        lambda request: request.get("lip_sync_tts_speaker_id") == SPEAKER_BEYOND,
        "The list of voices is PixVerse's, and may grow.",
    ),
    Row(
        ("Swap",),
        "provider",
        lambda request: (
            "source_video_id" not in request
            or request["source_video_id"] != GENERATED
            or request.get("keyframe_id", 1) not in (0, 1)
        ),
        "A mask belongs to its video and frame, which only PixVerse knows.",
    ),
    Row(
        ("Fusion",),
        "provider",
        lambda request: (
            request.get("reference_mode") == "another"
            and request["model"] == "v6"
            and 7 < len(request.get("image_references", [])) <= 10
        ),
        "No page says how many images a mode takes that none of them names; it is sent with a warning.",
    ),
    Row(
        ("Modify",),
        "emulator",
        lambda request: any(
            item in ([0], [""])
            for item in (request.get(name) for name in ("img_ids", "mask_ids", "mask_urls", "keyframe_ids"))
        ),
        "What counts as not given in a list is a template that found no value, and there is no telling which "
        "of the images or masks the prompt means then.",
    ),
)


@dataclass(frozen=True)
class Unpriced:
    """Requests whose price the provider does not estimate, and why; it estimates that of all others."""

    kinds: tuple[str, ...]
    where: Callable[[Arguments], bool]
    why: str


SOURCE_LENGTH = "The price depends on the length of the video, which only PixVerse knows."
UNPRICED = (
    Unpriced(
        ("TextToVideo", "ImageToVideo", "Transition", "Extend", "Fusion"),
        lambda request: (
            request["model"] in ("v4", "v4.5") and (request["duration"], request["quality"]) == (8, "1080p")
        ),
        "The schema has it, the table of prices has not.",
    ),
    Unpriced(
        ("Fusion",), lambda request: request["model"] != "v4.5", "The table of fusions is that of v4.5 alone."
    ),
    Unpriced(
        WITH_SPEECH,
        lambda request: request.get("sound_effect_switch") is True,
        "No page says what a sound effect adds to the price of a clip.",
    ),
    Unpriced(
        WITH_SPEECH,
        lambda request: request.get("sound_mode") == "default_music",
        "No page says what music adds to the price of a clip.",
    ),
    Unpriced(
        ("TextToVideo", "Extend"),
        lambda request: bool(request.get("template_id")),
        "A template decides on the length of the clip.",
    ),
    Unpriced(("TemplateVideo",), lambda _: True, "A template decides on the length of its clip."),
    Unpriced(("MultiTransition",), lambda _: True, "It rises in steps, of which there is no table."),
    Unpriced(("Restyle", "Swap", "SoundEffect", "Mimic", "Modify"), lambda _: True, SOURCE_LENGTH),
    Unpriced(("ImageTemplate",), lambda _: True, "No page has a price."),
    Unpriced(
        ("LipSync",),
        lambda request: bool(request.get("audio_media_id")),
        "The price depends on the length of the audio, which only PixVerse knows.",
    ),
)

# Values on which both agree, and not with the contract: what is documented and refused, or not and accepted.
AGAINST_THE_CONTRACT: dict[tuple[str, str, str], str] = {
    **{
        (name, "lip_sync_tts_speaker_id", f"{SPEAKER_BEYOND!r}"): "It is not looked at without the switch."
        for name in WITH_SPEECH
    },
    **{
        (
            "TemplateVideo",
            field,
            "absent",
        ): "The API wants it, and the template decides: it is sent all the same."
        for field in ("prompt", "model", "duration")
    },
    **{
        ("MultiTransition", "multi_transition", f"first item {what}"): "Only the last frame needs none."
        for what in ("with duration 0", "without duration")
    },
    **{
        ("MultiTransition", "multi_transition", f"{which} item with prompt x x {length}"): (
            "5000 characters are for the prompts of some kinds and models; this is none of them."
        )
        for which in ("first", "last")
        for length in (2049, 5000)
    },
    ("Fusion", "duration", "absent"): "With video_references it is 0, and sent as such.",
    ("Swap", "keyframe_id", "absent"): "It has a default, which is sent.",
    ("Swap", "keyframe_id", "2"): "The mask that there is here belongs to the first frame.",
    ("Swap", "video_media_id", str(VIDEO)): "The mask that there is here belongs to the other video.",
    (
        "Mimic",
        "quality",
        "'1080p'",
    ): "The schema lists it, and the guide excludes it: it is sent with a warning.",
}

OTHER_SPELLING = "The schema's spelling of lip_sync_tts_switch, which the guides and examples have."
NOT_OF_TRANSITIONS = "The page of the transition does not list it."
TEMPLATE_DECIDES = "The effect decides about it."
# Fields that the contract has and the provider does not offer.
NOT_OFFERED: dict[str, dict[str, str]] = {
    "TextToVideo": {"lip_sync_switch": OTHER_SPELLING},
    "ImageToVideo": {
        "lip_sync_switch": OTHER_SPELLING,
        "template_id": "TemplateVideo has it.",
        "img_ids": "Only a template takes several.",
    },
    "TemplateVideo": {
        "lip_sync_switch": OTHER_SPELLING,
        **dict.fromkeys(
            (
                "camera_movement",
                "generate_audio_switch",
                "generate_multi_clip_switch",
                "lip_sync_tts_content",
                "lip_sync_tts_speaker_id",
                "lip_sync_tts_switch",
                "motion_mode",
                "sound_effect_content",
                "sound_mode",
                "style",
                "thinking_type",
            ),
            TEMPLATE_DECIDES,
        ),
    },
    "Transition": {
        "lip_sync_switch": OTHER_SPELLING,
        **dict.fromkeys(
            (
                "camera_movement",
                "generate_multi_clip_switch",
                "style",
                "template_id",
                "thinking_type",
                "water_mark",
            ),
            NOT_OF_TRANSITIONS,
        ),
    },
    "SoundEffect": {"prompt": "A newer catalogue's name of sound_effect_content."},
}


def offered(name: str) -> dict[str, tuple[Value, ...]]:
    values = request_values(request_class(name).path)
    return {field: values[field] for field in field_names(request_class(name))}


def bases(name: str) -> Iterator[tuple[Arguments, tuple[str, ...]]]:
    """Yield requests that are right, each with the fields that are changed in it."""
    fields = tuple(offered(name))
    if name == "LipSync":
        yield {"source_video_id": GENERATED, "audio_media_id": AUDIO}, fields
        speech = {"lip_sync_tts_speaker_id": "auto", "lip_sync_tts_content": "Hi."}
        yield {"source_video_id": GENERATED, **speech}, fields
        return
    base = smallest(name, IDS)
    yield base, fields
    if "lip_sync_tts_switch" in fields:
        yield base | {"lip_sync_tts_switch": True, "lip_sync_tts_content": "Hi."}, fields
    if "model" not in base:
        return
    # What a combination needs depends on the model; pairs with the model are those of the first request.
    others = tuple(field for field in fields if field != "model")
    for model in offered(name)["model"]:
        if model.how == "inside" and model.value != base["model"]:
            yield base | {"model": model.value}, others


@dataclass(frozen=True)
class Case:
    arguments: Arguments
    changed: tuple[tuple[str, Value], ...]

    def __str__(self) -> str:
        changes = ", ".join(f"{field} {value}" for field, value in self.changed)
        return f"{changes or 'nothing changed'} (model {self.arguments.get('model')})"


def cases(name: str) -> Iterator[Case]:
    values = offered(name)
    for base, fields in bases(name):
        yield Case(base, ())
        for field in fields:
            for value in values[field]:
                yield Case(replaced(base, (field, value)), ((field, value),))
        for one, other in combinations(fields, 2):
            for first in values[one]:
                half = replaced(base, (one, first))
                for second in values[other]:
                    yield Case(replaced(half, (other, second)), ((one, first), (other, second)))


def replaced(arguments: Arguments, change: tuple[str, Value]) -> Arguments:
    field, value = change
    if value.value is ABSENT:
        return {name: other for name, other in arguments.items() if name != field}
    return arguments | {field: value.value}


class Comparison:
    """What both make of all the cases of a kind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind = request_class(name)
        self.rows = [row for row in DISAGREEMENTS if name in row.kinds]
        self.unpriced = [row for row in UNPRICED if name in row.kinds]
        self.surprises: list[str] = []
        self.used: Counter[str] = Counter()
        self.accepted: set[tuple[str, str]] = set()
        self.sent: set[tuple[str, str]] = set()
        self.cases = 0
        for case in cases(name):
            self.cases += 1
            self._compare(case)

    def _compare(self, case: Case) -> None:
        arguments = case.arguments
        try:
            request = self.kind(**arguments)
        except PixVerseInvalidRequestError as error:
            try:
                price = charged(self.kind.path, arguments)
            except Refusal:
                return
            self._expect(case, "emulator", f"for {price} credits; the provider: {error}")
            return
        payload = request.payload()
        try:
            price = charged(self.kind.path, payload)
        except Refusal as refusal:
            self._expect(case, "provider", f"the emulator: {refusal}")
            return
        self._both_accept(case, request, payload, price)

    def _expect(self, case: Case, only: str, says: str) -> None:
        rows = [row for row in self.rows if row.only == only and row.where(case.arguments)]
        if not rows:
            self.surprises.append(f"only the {only} accepts it: {case}: {says}")
        self.used.update(row.why for row in rows)

    def _both_accept(self, case: Case, request: GenerationRequest, payload: Arguments, price: int) -> None:
        self.surprises += [
            f"both accept it, against a row: {case}: {row.why}"
            for row in self.rows
            if row.where(case.arguments)
        ]
        estimate = request.estimated_credits()
        without = [row for row in self.unpriced if row.where(case.arguments)]
        self.used.update(row.why for row in without)
        if (estimate is None) is not bool(without) or estimate not in (None, price):
            self.surprises.append(f"estimated {estimate}, charged {price}: {case}")
        for field, value in case.changed:
            key = field, str(value)
            if value.value is ABSENT:
                self.accepted.add(key)
                self.sent.add(key)
            elif payload.get(field) is not None:
                self.accepted.add(key)
                if payload[field] == value.value:
                    self.sent.add(key)

    def rows_without_a_case(self) -> list[str]:
        reasons = [row.why for row in self.rows] + [row.why for row in self.unpriced]
        return [why for why in reasons if why not in self.used]

    def against_the_contract(self) -> set[tuple[str, str, str]]:
        """Return what the contract allows and nothing accepts, and what it does not allow and all accept."""
        return {
            (self.name, field, str(value))
            for field, values in offered(self.name).items()
            for value in values
            if (value.how == "inside" and (field, str(value)) not in self.accepted)
            or (value.how == "beyond" and (field, str(value)) in self.sent)
        }


@pytest.mark.parametrize("name", KINDS)
def test_both_readings_agree_on_every_value_and_every_pair_of_values(name: str) -> None:
    found = Comparison(name)
    assert found.surprises[:20] == []
    assert found.rows_without_a_case() == []
    listed = {key for key in AGAINST_THE_CONTRACT if key[0] == name}
    assert found.against_the_contract() == listed


@pytest.mark.parametrize("name", KINDS)
def test_a_request_that_is_changed_here_is_right_as_it_is(name: str) -> None:
    for base, _ in bases(name):
        request = request_class(name)(**base)
        assert charged(request.path, request.payload()) > 0


@pytest.mark.parametrize("name", KINDS)
def test_every_documented_field_is_offered_unless_a_row_says_why_not(name: str) -> None:
    documented = request_values(request_class(name).path)
    assert documented.keys() - set(field_names(request_class(name))) == NOT_OFFERED.get(name, {}).keys()


@pytest.mark.parametrize("name", KINDS)
def test_the_emulator_knows_every_documented_field(name: str) -> None:
    path = request_class(name).path
    base, _ = next(bases(name))
    unknown = [
        field
        for field, (value, *_) in request_values(path).items()
        if "is not a field" in refusal_of(path, base | {field: value.value})
    ]
    assert unknown == []
    assert "is not a field" in refusal_of(path, base | {"no_such_field": 1})


def refusal_of(path: str, body: Arguments) -> str:
    """Return why the emulator refuses a request, or nothing."""
    try:
        charged(path, body)
    except Refusal as refusal:
        return str(refusal)
    return ""
