"""A connection of another type: its secret is nothing that PixVerse must ever see as a key."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from pixverse_provider.api.generations import LipSyncRequest, MaskSelectionRequest
from pixverse_provider.exceptions import PixVerseAuthenticationError, PixVerseConfigurationError
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.jobs.outcome import Outcome, read_event
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.sensors._polling import PollingSensor
from pixverse_provider.triggers.credit import PixVerseCreditTrigger
from pixverse_provider.triggers.shared import shared_poller
from pixverse_provider.triggers.video import PixVerseVideoTrigger
from tests.support.kinds import Ids, public_tasks, smallest
from tests.support.tasks import TaskRun
from tests.unit.connections import KEY, set_connection
from tests.unit.jobs.making import record
from tests.unit.own_log import OwnLog
from tests.unit.pixverse_in_time import Clock
from tests.unit.scripted_server import refusal, success

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.scripted_server import Behaviour, Received, ScriptedServer

AWS_SECRET = "wJalrXUtnFEMI/K7MDENG"
TRACE = "6f0e2b1a-63a4-4d0e-8a52-1f4b8f1c9d77"
SAID = "connection 'aws_default' is of type 'aws', and its password would be sent to PixVerse as the API key"
ANOTHER_KEY = "sk-another-key-0123456789"


@pytest.fixture(autouse=True)
def _no_time_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three reads in a row end a wait, however soon they come."""
    monkeypatch.setattr("pixverse_provider.jobs.watch.MISSING_CONNECTION_SECONDS", 0.0)
    monkeypatch.setattr("pixverse_provider.sensors._polling._SHORTEST_POLL_INTERVAL", 0.01)
    monkeypatch.setattr("pixverse_provider.sensors._polling.FIRST_POLL_OF_A_TRIGGER", 0.0)


@pytest.fixture
def aws(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    """A server that the connection ``aws_default`` leads to, and that must not be asked."""
    set_connection(
        monkeypatch, server.url, conn_id="aws_default", conn_type="aws", login="AKIA", password=AWS_SECRET
    )
    return server


def running(job_id: int = 7) -> Behaviour:
    return success({"id": job_id, "status": 5})


def done(job_id: int = 7) -> Behaviour:
    return success({"id": job_id, "status": 1, "url": "https://media.pixverse.ai/a.mp4"})


CALLS: dict[str, Callable[[PixVerseHook, str], object]] = {
    "get_conn": lambda hook, _: hook.get_conn(),
    "get_async_conn": lambda hook, _: asyncio.run(hook.get_async_conn()),
    "submit": lambda hook, _: hook.submit(
        LipSyncRequest(source_video_id=1, audio_media_id=2), trace_id=TRACE
    ),
    "get_video": lambda hook, _: hook.get_video(7),
    "get_image": lambda hook, _: hook.get_image(7),
    "poll": lambda hook, _: hook.poll("video", 7),
    "poll_balance": lambda hook, _: hook.poll_balance(),
    "select_mask": lambda hook, _: hook.select_mask(MaskSelectionRequest(source_video_id=7)),
    "list_restyle_effects": lambda hook, _: hook.list_restyle_effects(),
    "list_voices": lambda hook, _: hook.list_voices(),
    "upload_media": lambda hook, file: hook.upload_media(file),
    "upload_image": lambda hook, file: hook.upload_image(file.replace(".wav", ".png")),
    "upload_media_from_url": lambda hook, _: hook.upload_media_from_url("https://a.example/b.mp4"),
    "upload_image_from_url": lambda hook, _: hook.upload_image_from_url("https://a.example/b.png"),
    "get_balance": lambda hook, _: hook.get_balance(),
}
# These make no request of PixVerse, or say what is wrong in another way.
OTHERS = {"check_deferral", "close", "plain_http_host", "test_connection"}


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "a.wav").write_bytes(b"RIFF0000WAVE")
    return str(tmp_path / "a.wav")


class TestTheHook:
    @pytest.mark.parametrize("name", CALLS)
    def test_refuses_it_by_name_and_sends_nothing(self, aws: ScriptedServer, file: str, name: str) -> None:
        with PixVerseHook("aws_default") as hook, pytest.raises(PixVerseConfigurationError) as caught:
            CALLS[name](hook, file)
        assert SAID in str(caught.value)
        assert AWS_SECRET not in str(caught.value)
        assert aws.requests == []

    def test_has_no_other_calls(self) -> None:
        public = {name for name, value in vars(PixVerseHook).items() if callable(value) and name[0] != "_"}
        assert public == CALLS.keys() | OTHERS

    def test_says_so_where_it_is_tested(self, aws: ScriptedServer) -> None:
        works, text = PixVerseHook("aws_default").test_connection()
        assert (works, SAID in text) == (False, True)
        assert aws.requests == []

    @pytest.mark.parametrize("conn_type", ["aws", "http", "pixverse_eu", "pix verse", "fs", "emulator"])
    def test_refuses_every_type_but_its_own(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, conn_type: str
    ) -> None:
        set_connection(monkeypatch, server.url, conn_type=conn_type)
        with (
            PixVerseHook() as hook,
            pytest.raises(PixVerseConfigurationError, match=f"is of type '{conn_type}'"),
        ):
            hook.get_balance()

    def test_names_the_type_before_anything_else_that_such_a_connection_lacks(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", "aws://")
        assert "is of type 'aws'" in PixVerseHook("aws_default").test_connection()[1]


def arguments_of(task_class: Any, file: str) -> dict[str, Any]:
    name = task_class.__name__.removeprefix("PixVerse").removesuffix("Operator")
    own: dict[str, dict[str, Any]] = {
        "UploadMedia": {"source": file},
        "UploadImage": {"source": "https://a.example/b.png"},
        "DownloadVideo": {"video_id": 7, "destination": f"{Path(file).parent}/{{video_id}}.mp4"},
        "Balance": {},
        "VideoSensor": {"video_id": 7, "poke_interval": 0.0},
        "CreditSensor": {"min_credits": 1, "poke_interval": 0.0},
    }
    return own[name] if name in own else smallest(name, Ids())


TASKS = [task for task in public_tasks().values() if task is not PixVerseGenerationOperator]
DEFERS = [task for task in TASKS if issubclass(task, PixVerseGenerationOperator | PollingSensor)]


class TestEveryOperatorAndSensor:
    @pytest.mark.parametrize(
        ("task_class", "waits"),
        [*((task, {}) for task in TASKS), *((task, {"deferrable": True}) for task in DEFERS)],
        ids=lambda value: getattr(value, "__name__", str(value)),
    )
    def test_refuses_it_by_name_and_sends_nothing(
        self,
        aws: ScriptedServer,
        file: str,
        task_class: Any,
        waits: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # A download forgives two refusals, as every wait for a paid video does.
        monkeypatch.setattr("pixverse_provider.operators.download.time", Clock())
        arguments = {"task_id": "t", "pixverse_conn_id": "aws_default"} | arguments_of(task_class, file)
        run = TaskRun(task_class(**arguments, **waits))
        with pytest.raises(AirflowFailException, match=SAID):
            self._to_its_end(run)
        assert aws.requests == []
        assert list(Path(file).parent.glob("*.mp4")) == []

    def _to_its_end(self, run: TaskRun) -> None:
        try:
            run.attempt()
        except TaskDeferred as deferred:
            events = asyncio.run(events_of(deferred.trigger))
            run.resume(deferred, **events[0])


async def events_of(trigger: Any) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        return [event.payload async for event in trigger.run()]


def wait(job: bool, conn_id: str = "pixverse_default") -> PixVerseVideoTrigger:
    """Return a trigger of an operator, which holds the record of its job, or of a sensor."""
    now = time.time()
    return PixVerseVideoTrigger(
        pixverse_conn_id=conn_id,
        video_ids=["7"],
        poll_interval=0.01,
        started_at=now,
        not_before=0.0,
        deadline=now + 3600,
        job=record(job_id=7, submitted_at=now, accepted_at=now).to_json() if job else None,
    )


def credits_wait() -> PixVerseCreditTrigger:
    now = time.time()
    return PixVerseCreditTrigger(
        pixverse_conn_id="pixverse_default",
        min_credits=1,
        poll_interval=0.01,
        started_at=now,
        not_before=0.0,
        deadline=now + 3600,
    )


class TestATaskThatHoldsTheRecordOfAPaidJob:
    """Its connection was edited meanwhile, which is no reason to lose what is paid."""

    @pytest.fixture
    def run(self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> TaskRun:
        """A task whose first attempt has submitted job 7 and died."""
        monkeypatch.setattr("pixverse_provider.operators.generation.FIRST_POLL_OF_A_TRIGGER", 0.0)
        set_connection(monkeypatch, server.url)
        run = TaskRun(
            PixVerseLipSyncOperator(
                task_id="make",
                source_video_id=1,
                audio_media_id=2,
                retries=2,
                poll_interval=1.0,
                deferrable=True,
            )
        )
        server.will(success({"video_id": 7}), running())
        run.deferral()
        return run

    def edit(self, monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, **fields: Any) -> None:
        set_connection(monkeypatch, server.url, **({"conn_type": "http"} | fields))

    def test_polls_it_on_in_a_retry_and_says_so(
        self, run: TaskRun, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = OwnLog()
        log.install(monkeypatch, PixVerseHook)
        self.edit(monkeypatch, server)
        server.will(done())
        assert run.retry() == 7
        assert [request.method for request in server.requests] == ["POST", "GET", "GET"]
        ((level, line),) = log.lines
        assert level == "WARNING"
        assert line.startswith(
            "The polls of a job that is paid go on all the same, and nothing else does: The Airf"
        )
        assert "is of type 'http'" in line

    def test_submits_nothing_with_it_where_that_job_has_failed(
        self, run: TaskRun, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.edit(monkeypatch, server)
        server.will(success({"id": 7, "status": 8}))
        with pytest.raises(PixVerseConfigurationError, match="is of type 'http'"):
            run.retry()
        assert [request.method for request in server.requests] == ["POST", "GET", "GET"]

    def test_submits_where_the_connection_has_its_own_type_again(
        self, run: TaskRun, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail_and_repair(handler: Any) -> None:
            set_connection(monkeypatch, server.url)
            success({"id": 7, "status": 8})(handler)

        self.edit(monkeypatch, server)
        server.will(fail_and_repair, success({"video_id": 8}), done(8))
        assert run.retry() == 8

    def test_waits_for_it_in_the_worker(
        self, run: TaskRun, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run.operator.deferrable = False
        self.edit(monkeypatch, server)
        server.will(running(), done())
        assert run.retry() == 7

    def test_picks_it_up_after_a_clear(
        self, run: TaskRun, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run.clear()
        self.edit(monkeypatch, server)
        server.will(done())
        assert run.attempt() == 7

    def test_waits_for_it_in_the_triggerer_and_says_so(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = OwnLog()
        log.install(monkeypatch, PixVerseVideoTrigger)
        self.edit(monkeypatch, server)
        server.will(running(), done())
        (event,) = asyncio.run(events_of(wait(job=True)))
        ((result,), _, _) = read_event(event)
        assert result.outcome is Outcome.SUCCESS
        assert [(level, "is of type 'http'" in line) for level, line in log.lines] == [("WARNING", True)]

    @pytest.fixture
    def refusing(self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
        """A server that refuses the key; when it does, the connection is of another service from then on."""

        def serve(request: Received) -> Behaviour:
            if request.headers["api-key"] == KEY:
                self.edit(monkeypatch, server, conn_type="aws", password=AWS_SECRET)
                return refusal(400012)
            # Whoever sends the secret all the same gets what it asks for, and so comes to an end.
            return done() if "video" in request.path else success({"credit_monthly": 9})

        server.afterwards = serve
        set_connection(monkeypatch, server.url)
        return server

    def test_does_not_send_another_secret_after_its_key_was_refused(
        self, run: TaskRun, refusing: ScriptedServer
    ) -> None:
        run.operator.deferrable = False
        with pytest.raises(PixVerseAuthenticationError, match="'pixverse_default'"):
            run.retry()
        assert {request.headers["api-key"] for request in refusing.requests} == {KEY}

    @pytest.mark.parametrize(
        "waiting", [wait(job=True), wait(job=False), credits_wait()], ids=["job", "sensor", "credits"]
    )
    def test_nor_does_a_trigger(self, refusing: ScriptedServer, waiting: Any) -> None:
        (event,) = asyncio.run(events_of(waiting))
        assert "PixVerseAuthenticationError" in str(event)
        assert {request.headers["api-key"] for request in refusing.requests} == {KEY}

    def test_tries_the_new_key_where_the_type_is_right(
        self, run: TaskRun, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse_and_repair(handler: Any) -> None:
            set_connection(monkeypatch, server.url, password=ANOTHER_KEY)
            refusal(400012)(handler)

        self.edit(monkeypatch, server)
        server.will(refuse_and_repair, done())
        assert run.retry() == 7
        assert [request.headers["api-key"] for request in server.requests][-2:] == [KEY, ANOTHER_KEY]


class TestATriggerOfASensor:
    @pytest.mark.parametrize("kind", ["video", "credits"])
    def test_sends_nothing_though_it_shares_a_session_with_a_paid_job(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        set_connection(monkeypatch, server.url, conn_type="http")
        sensor: Any = credits_wait() if kind == "credits" else wait(job=False)

        async def both() -> list[dict[str, Any]]:
            async with shared_poller("pixverse_default") as poller:
                assert poller.refusal is not None
                return await events_of(sensor)

        (event,) = asyncio.run(both())
        assert "is of type 'http'" in str(event)
        assert server.requests == []

    def test_goes_on_once_the_connection_is_repaired_though_the_paid_job_keeps_the_old_session(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_connection(monkeypatch, server.url, conn_type="http")
        server.will(done())

        async def both() -> list[dict[str, Any]]:
            async with shared_poller("pixverse_default"):
                sensor = asyncio.create_task(events_of(wait(job=False)))
                await asyncio.sleep(0)
                set_connection(monkeypatch, server.url)
                return await sensor

        (event,) = asyncio.run(both())
        ((result,), _, _) = read_event(event)
        assert result.outcome is Outcome.SUCCESS
