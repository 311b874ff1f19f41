"""Whatever is sent to the emulator, its answer is one that the contract allows, and never an HTTP 500."""

from __future__ import annotations

import uuid
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pixverse_provider.emulator.handle import EmulatorControl
from pixverse_provider.emulator.server import EmulatorServer
from pixverse_provider.emulator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

schemathesis = pytest.importorskip("schemathesis")
checks = pytest.importorskip("schemathesis.checks")
conformance = pytest.importorskip("schemathesis.specs.openapi.checks")

_HERE: Final = Path(__file__).parent
_MEDIA: Final = _HERE.parents[1] / "dags_examples" / "media"
CONTRACT: Final = schemathesis.openapi.from_path(_HERE / "pixverse-openapi.yaml")
# Those that only a third party has seen are not emulated.
OPERATIONS: Final = {
    operation.label: operation
    for result in CONTRACT.get_all_operations()
    if "newer" not in (operation := result.ok()).tags
}
MODES: Final = ("positive", "negative")
EXAMPLES: Final = 30
"""Requests to each of the 21 operations in each of the two modes: more than a thousand in all."""
CHECKS: Final = (
    checks.not_a_server_error,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_schema_conformance,
)


def _media_types() -> set[str]:
    """Return those that the parts of an upload may have."""
    found = set()
    for operation in CONTRACT.raw_schema["paths"].values():
        for content in operation.get("post", {}).get("requestBody", {}).get("content", {}).values():
            for part in content.get("encoding", {}).values():
                found |= {name.strip() for name in part["contentType"].split(",")}
    return found


def _as_bytes(_: Any, value: Any) -> bytes:
    """Send what is no file, such as a number, where a file belongs."""
    return value if isinstance(value, bytes) else str(value).encode()


schemathesis.serializer(*_media_types())(_as_bytes)

_TEMPLATES: Final = (302325299692608, 384268229671680)
"""An active one for videos, and one for images."""

Known = dict[str, Any]


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatorControl]:
    """An account without limits, where every result is a placeholder."""
    limitless = Settings(
        generation_seconds=0.0, render="placeholder", credits=10**9, concurrency=10**6, max_media_seconds=60.0
    )
    with EmulatorServer(limitless) as server:
        yield EmulatorControl(server.url, api_key=limitless.api_key)


@pytest.fixture(scope="module")
def known(emulator: EmulatorControl) -> Known:
    """Return something that is there for every field that refers to something."""

    def call(path: str, **options: Any) -> Any:
        answer = requests.post(f"{emulator.api_url}{path}", headers=_headers(emulator), timeout=30, **options)
        return answer.json()["Resp"]

    picture = BytesIO()
    Image.new("RGB", (80, 60)).save(picture, "PNG")
    image = call("/image/upload", files={"image": picture.getvalue()})["img_id"]
    video = call("/media/upload", files={"file": (_MEDIA / "presenter.mp4").read_bytes()})["media_id"]
    audio = call("/media/upload", files={"file": (_MEDIA / "script.wav").read_bytes()})["media_id"]
    boat = {"prompt": "a boat", "model": "v5", "duration": 5, "quality": "360p", "aspect_ratio": "1:1"}
    made = call("/video/text/generate", json=boat)["video_id"]
    drawn = call("/image/template/generate", json={"img_ids": [image], "template_id": 384268229671680})
    emulator.finish_all()
    found = call("/video/mask/selection", json={"video_media_id": video})
    return {
        **dict.fromkeys(("img_id", "first_frame_img", "last_frame_img"), image),
        "img_ids": [image],
        "video_media_id": video,
        "audio_media_id": audio,
        "source_video_id": made,
        "video_id": made,
        "image_id": drawn["image_id"],
        "mask_id": found["mask_info"][0]["mask_id"],
        "mask_ids": [found["mask_info"][1]["mask_id"]],
        "restyle_id": 315446315336768,
        "lip_sync_tts_speaker_id": "7",
    }


def _headers(emulator: EmulatorControl) -> dict[str, str]:
    return {"API-KEY": emulator.api_key, "Ai-Trace-Id": str(uuid.uuid4())}


def _with_known(value: Any, known: Known) -> Any:
    """Replace every reference in a generated value by one that exists."""
    if isinstance(value, list):
        return [_with_known(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: known.get(name, _with_known(inner, known)) for name, inner in value.items()}


def test_the_contract_describes_everything_that_is_emulated() -> None:
    assert len(OPERATIONS) == 21
    assert len(OPERATIONS) * len(MODES) * EXAMPLES > 1000


@pytest.mark.parametrize("fault", ["html", "truncated_json", "accept_then_502"])
def test_an_answer_outside_the_contract_is_noticed(emulator: EmulatorControl, fault: str) -> None:
    emulator.fault("balance", fault)
    case = OPERATIONS["GET /account/balance"].Case(headers=_headers(emulator))
    with pytest.raises(checks.FailureGroup):
        case.call_and_validate(base_url=emulator.api_url, checks=CHECKS)


# A test that draws within has to be marked by hand.
@pytest.mark.hypothesis
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_to_whatever_is_sent_is_in_the_contract(
    emulator: EmulatorControl, known: Known, label: str, mode: str
) -> None:
    sent = 0

    # `make fuzz` raises the number that all tests go by.
    @settings(max_examples=settings().max_examples * EXAMPLES // 100, suppress_health_check=list(HealthCheck))
    @given(
        case=OPERATIONS[label].as_strategy(generation_mode=schemathesis.GenerationMode(mode)),
        knowing=st.booleans(),
    )
    def send(case: Any, knowing: bool) -> None:
        nonlocal sent
        if knowing:
            known["template_id"] = _TEMPLATES["/image" in label]
            case.body = _with_known(case.body, known)
            case.path_parameters = _with_known(case.path_parameters, known)
        case.headers.update(_headers(emulator))
        case.call_and_validate(base_url=emulator.api_url, checks=CHECKS)
        sent += 1

    send()
    assert sent >= EXAMPLES
