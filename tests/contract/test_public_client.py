"""PixVerse's own published client works against the emulator.

It is no dependency of the development extra, since it needs Python 3.12: installed by hand, these run.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pixverse_provider.emulator.client import EmulatorControl

pixverse_mcp = pytest.importorskip("pixverse_mcp.client")
requests_of_client = pytest.importorskip("pixverse_mcp.models.requests")

_MEDIA = Path(__file__).parents[2] / "dags_examples" / "media"


@pytest.fixture
def use(pixverse_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Run a coroutine with a client that points at the emulator."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def run(steps: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        async def with_client() -> Any:
            client = pixverse_mcp.PixverseClient(pixverse_emulator.api_key, base_url=pixverse_emulator.url)
            return await steps(client)

        return asyncio.run(with_client())

    return run


def test_text_to_video_then_lip_sync_then_poll(use: Callable[[Any], Any]) -> None:
    async def steps(client: Any) -> Any:
        audio = await client.upload_media(file_path=str(_MEDIA / "script.wav"), media_type="audio")
        video = await client.quick_text_video("a paper boat", quality="360p")
        await client.wait_for_video_completion(video.video_id, poll_interval=1)
        order = requests_of_client.LipSyncVideoRequest(
            source_video_id=video.video_id, audio_media_id=audio.media_id
        )
        synced = await client.lip_sync_video(order)
        return await client.wait_for_video_completion(synced.video_id, poll_interval=1)

    result = use(steps)
    assert (result.has_audio, result.url[:7]) == (True, "http://")


def test_an_uploaded_image_becomes_a_video_that_is_extended_and_gets_sound(
    use: Callable[[Any], Any], tmp_path: Path
) -> None:
    image = pytest.importorskip("PIL.Image")
    picture = tmp_path / "red.png"
    image.new("RGB", (80, 60), (220, 20, 20)).save(picture)

    async def steps(client: Any) -> Any:
        made = await client.upload_and_generate_video(str(picture), "a red wall", quality="360p")
        longer = await client.extend_video(
            requests_of_client.ExtendVideoRequest(
                source_video_id=made.video_id, prompt="on", model="v5", duration=5, quality="360p"
            )
        )
        await client.wait_for_video_completion(longer.video_id, poll_interval=1)
        loud = await client.sound_effect_video(
            requests_of_client.SoundEffectVideoRequest(
                source_video_id=longer.video_id, sound_effect_content="rain", seed=3
            )
        )
        return await client.wait_for_video_completion(loud.video_id, poll_interval=1)

    assert use(steps).has_audio is True


def test_its_voices_are_read(use: Callable[[Any], Any]) -> None:
    async def steps(client: Any) -> Any:
        return await client.get_lip_sync_tts_list()

    assert use(steps).total == 15
