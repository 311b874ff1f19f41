"""The operator link: where it leads, when it is there, and that it never ends a task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from airflow.providers.common.compat.sdk import XCom
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.get_provider_info import get_provider_info
from pixverse_provider.links import PixVerseVideoLink, page_path
from pixverse_provider.operators.account import PixVerseBalanceOperator
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.sensors.video import PixVerseVideoSensor
from tests.support.kinds import public_tasks

LINK = PixVerseVideoLink()
RUN = "scheduled__2026-01-05T09:00:00+00:00"
PAGE = "pixverse/dags/films/runs/scheduled__2026-01-05T09%3A00%3A00%2B00%3A00/tasks/make"


def key(map_index: int = -1) -> Any:
    return SimpleNamespace(dag_id="films", run_id=RUN, task_id="make", map_index=map_index)


def operator() -> PixVerseLipSyncOperator:
    return PixVerseLipSyncOperator(task_id="make", source_video_id=7, audio_media_id=8)


class TestItsAddress:
    def test_has_the_ids_in_its_path_and_no_query_which_a_login_might_cut(self) -> None:
        assert page_path("films", RUN, "make") == PAGE
        assert page_path("films", RUN, "make", -1) == PAGE
        assert page_path("films", RUN, "make", 0) == f"{PAGE}/mapped/0"
        assert page_path("films", RUN, "make", 12) == f"{PAGE}/mapped/12"

    @given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=3, max_size=3))
    def test_brings_back_every_id(self, ids: list[str]) -> None:
        path = page_path(ids[0], ids[1], ids[2])
        parts = path.split("/")
        assert [unquote(part) for part in parts[2::2]] == ids
        assert parts[0::2] == ["pixverse", *map(str, parts[2::2])]
        assert not set(path) & set("?#+ \\\"'<>")

    def test_is_relative_so_that_the_page_of_airflow_puts_it_below_its_own_base(self) -> None:
        assert not PAGE.startswith("/")
        assert "://" not in PAGE


class TestItIsThere:
    def test_on_everything_that_has_a_video(self) -> None:
        with_link = {
            name
            for name, task in public_tasks().items()
            if any(isinstance(link, PixVerseVideoLink) for link in task.operator_extra_links)
        }
        generations = {
            name for name, task in public_tasks().items() if issubclass(task, PixVerseGenerationOperator)
        }
        assert with_link == generations | {"PixVerseVideoSensor", "PixVerseDownloadVideoOperator"}
        assert PixVerseBalanceOperator.operator_extra_links == ()

    def test_for_airflow_which_learns_of_it_from_the_provider(self) -> None:
        link = f"{PixVerseVideoLink.__module__}.{PixVerseVideoLink.__qualname__}"
        assert get_provider_info()["extra-links"] == [link]

    @pytest.mark.parametrize(
        "task",
        [
            PixVerseLipSyncOperator(task_id="make", source_video_id=7, audio_media_id=8),
            PixVerseVideoSensor(task_id="make", video_id=7),
            PixVerseDownloadVideoOperator(task_id="make", video_id=7, destination="/nowhere/"),
        ],
        ids=lambda task: type(task).__name__,
    )
    def test_once_it_has_been_pushed_and_airflow_pushes_the_same_again(self, task: Any) -> None:
        pushed: dict[str, Any] = {}
        ti = key(3)
        ti.xcom_push = lambda key, value: pushed.update({key: value})
        LINK.push(task, {"ti": ti})
        assert pushed == {LINK.xcom_key: f"{PAGE}/mapped/3"}
        assert LINK.get_link(task, ti_key=ti) == f"{PAGE}/mapped/3"

    def test_at_the_next_deferral_or_end_where_it_could_not_be_pushed(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        task, ti = operator(), key()

        def fail(**_: Any) -> None:
            raise ConnectionError("the API server is away")

        ti.xcom_push = fail
        LINK.push(task, {"ti": ti})
        assert LINK.get_link(task, ti_key=ti) == PAGE
        assert caplog.messages == [
            (
                "The link 'PixVerse video' could not be pushed; the task goes on without it: the API server "
                "is away"
            )
        ]


class TestItIsNothing:
    def test_where_the_task_has_run_and_has_no_job(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(**_: Any) -> None:
            pytest.fail("Airflow logs an error for an XCom that is not there")

        monkeypatch.setattr(XCom, "get_value", fail)
        task = operator()
        task.has_page = False
        assert LINK.get_link(task, ti_key=key()) == ""

    def test_where_there_is_no_context_to_push_it_to(self, caplog: pytest.LogCaptureFixture) -> None:
        LINK.push(operator(), {})
        assert len(caplog.messages) == 1


class TestWhereTheTaskHasNotRun:
    """As after a trigger that has failed: the job may be there all the same."""

    @pytest.mark.parametrize(("pushed", "link"), [(PAGE, PAGE), (None, ""), ("", "")])
    def test_what_was_pushed_stays(
        self, monkeypatch: pytest.MonkeyPatch, pushed: str | None, link: str
    ) -> None:
        asked: list[Any] = []

        def get_value(*, ti_key: Any, key: str) -> str | None:
            asked.append((ti_key, key))
            return pushed

        monkeypatch.setattr(XCom, "get_value", get_value)
        ti_key = key()
        assert LINK.get_link(operator(), ti_key=ti_key) == link
        assert asked == [(ti_key, LINK.xcom_key)]

    def test_a_backend_that_fails_costs_the_link_and_no_stack_trace(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(**_: Any) -> None:
            raise ValueError("this was not encrypted")

        monkeypatch.setattr(XCom, "get_value", fail)
        assert LINK.get_link(operator(), ti_key=key()) == ""
