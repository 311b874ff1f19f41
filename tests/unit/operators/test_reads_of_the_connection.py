"""How often a list of downloads reads its connection, and what an outage of its backend does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from tests.support.mp4 import mp4
from tests.unit.connections import set_connection
from tests.unit.scripted_server import Behaviour, Received, ScriptedServer, answer, success

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

VIDEO = mp4(5000)


def test_a_list_reads_it_once_and_lands_while_the_secrets_backend_is_away(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def behave(request: Received) -> Behaviour:
        if request.path.endswith("/a.mp4"):
            return answer(VIDEO)
        video_id = int(request.path.rpartition("/")[2])
        return success({"id": video_id, "status": 1, "url": f"{server.url}/a.mp4", "size": len(VIDEO)})

    server.afterwards = behave
    set_connection(monkeypatch, server.url)
    reads: list[str] = []
    read = PixVerseHook.get_connection

    def once(_: type, conn_id: str) -> Any:
        reads.append(conn_id)
        if len(reads) > 1:
            raise ConnectionError("the secrets backend is away")
        return read(conn_id)

    monkeypatch.setattr(PixVerseHook, "get_connection", classmethod(once))
    video_ids = list(range(1, 6))
    PixVerseDownloadVideoOperator(task_id="land", video_id=video_ids, destination=f"{tmp_path}/").execute({})
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{video_id}.mp4" for video_id in video_ids]
    assert reads == ["pixverse_default"]
