"""Every answer is one that the contract of the API allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.unit.emulator.caller import BOAT, LIP_SYNC, TEXT_TO_VIDEO
from tests.unit.openapi import contract

if TYPE_CHECKING:
    from pathlib import Path

    import requests

    from pixverse_provider.emulator.client import EmulatorControl
    from tests.unit.emulator.caller import Caller


def check(method: str, path: str, answer: requests.Response) -> dict[str, Any]:
    """Check an answer against the schema of its call, and return its body."""
    responses = contract()["paths"][path][method]["responses"]
    response = responses.get(str(answer.status_code), responses.get("default"))
    while "$ref" in response:
        response = _look_up(response["$ref"])
    schema = {**response["content"]["application/json"]["schema"], "components": contract()["components"]}
    body: dict[str, Any] = answer.json()
    jsonschema.Draft202012Validator(schema).validate(body)
    return body


def _look_up(reference: str) -> dict[str, Any]:
    node: Any = contract()
    for name in reference.removeprefix("#/").split("/"):
        node = node[name]
    found: dict[str, Any] = node
    return found


def test_a_contract_violation_is_noticed(api: Caller) -> None:
    answer = api.get("/account/balance")
    with pytest.raises(jsonschema.ValidationError):
        check("get", "/video/lip_sync/tts_list", answer)


@pytest.mark.parametrize("credits_in_answers", [True, False])
def test_a_lip_sync_from_upload_to_result(
    api: Caller,
    pixverse_emulator: EmulatorControl,
    presenter: Path,
    script: Path,
    *,
    credits_in_answers: bool,
) -> None:
    pixverse_emulator.settings(credits_in_answers=credits_in_answers)
    media_ids = []
    for path, kind in ((presenter, "video"), (script, "audio")):
        answer = api.post("/media/upload", files={"file": path.read_bytes()})
        resp = check("post", "/media/upload", answer)["Resp"]
        assert resp["media_type"] == kind
        media_ids.append(resp["media_id"])
    answer = api.post(LIP_SYNC, json={"video_media_id": media_ids[0], "audio_media_id": media_ids[1]})
    accepted = check("post", LIP_SYNC, answer)["Resp"]
    assert ("credits" in accepted) is credits_in_answers
    answer = api.get(f"/video/result/{accepted['video_id']}")
    result = check("get", "/video/result/{video_id}", answer)["Resp"]
    assert result["status"] == 1
    assert ("credits" in result) is credits_in_answers
    assert ("has_audio" in result) is credits_in_answers


@pytest.mark.parametrize(
    ("word", "status"),
    [("", 5), ("[fail]", 8), ("[moderate]", 7), ("[delete]", 6), ("[never]", 5), ("[status 17]", 17)],
)
def test_a_result_that_is_not_a_video(
    api: Caller, pixverse_emulator: EmulatorControl, word: str, status: int
) -> None:
    pixverse_emulator.settings(generation_seconds=0.0 if word else 60.0)
    video_id = api.boat(prompt=f"a boat {word}")
    resp = check("get", "/video/result/{video_id}", api.get(f"/video/result/{video_id}"))["Resp"]
    assert resp["status"] == status
    assert (resp["url"], resp["size"], resp["outputWidth"], resp["outputHeight"]) == ("", 0, 0, 0)


def test_errors_of_every_endpoint(api: Caller) -> None:
    assert check("post", TEXT_TO_VIDEO, api.post(TEXT_TO_VIDEO, json={}))["ErrCode"] == 400011
    assert check("post", LIP_SYNC, api.post(LIP_SYNC, json={}))["ErrCode"] == 400017
    assert check("post", "/media/upload", api.post("/media/upload", data={}))["ErrCode"] == 400017
    assert check("post", "/image/upload", api.post("/image/upload", data={}))["ErrCode"] == 400017
    assert check("get", "/video/result/{video_id}", api.get("/video/result/1"))["ErrCode"] == 500008
    without_key = api.get("/account/balance", headers={"Ai-Trace-Id": "x"})
    assert check("get", "/account/balance", without_key)["ErrCode"] == 400012


def test_voices_and_balance(api: Caller) -> None:
    voices = check("get", "/video/lip_sync/tts_list", api.get("/video/lip_sync/tts_list"))["Resp"]
    documented = _look_up("paths")["/video/lip_sync/tts_list"]["get"]["responses"]["200"]
    assert voices == documented["content"]["application/json"]["examples"]["success"]["value"]["Resp"]
    balance = check("get", "/account/balance", api.get("/account/balance"))["Resp"]
    assert balance["credit_monthly"] + balance["credit_package"] == 10_000
    assert balance["credit_monthly"] > 0 < balance["credit_package"]


def test_every_documented_option_of_text_to_video_is_known(
    api: Caller, pixverse_emulator: EmulatorControl
) -> None:
    pixverse_emulator.settings(render="placeholder")
    options = _look_up("components")["schemas"]["GenerationOptions"]["properties"]
    assert api.submit(TEXT_TO_VIDEO, {**BOAT, **dict.fromkeys(options)})["ErrCode"] == 0


def test_an_image_upload_and_its_moderation_in_lower_case(
    api: Caller, pixverse_emulator: EmulatorControl, tmp_path: Path
) -> None:
    from PIL import Image

    picture = tmp_path / "a.webp"
    Image.new("RGB", (32, 24)).save(picture)
    upload: dict[str, Any] = {"files": {"image": picture.read_bytes()}}
    assert check("post", "/image/upload", api.post("/image/upload", **upload))["Resp"]["img_id"] > 0
    pixverse_emulator.fault("upload", "error", err_code=500052, http_status=500, lower_case=True)
    answer = api.post("/image/upload", **upload)
    assert answer.status_code == 500
    assert check("post", "/image/upload", answer)["err_code"] == 500052
