"""What a task does in the network of its worker: pay and wait, or refuse to pay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, TaskDeferred

from pixverse_provider.exceptions import (
    PixVerseConfigurationError,
    PixVerseTransientError,
)
from pixverse_provider.jobs.outcome import Outcome, read_event
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from pixverse_provider.operators.lip_sync import PixVerseLipSyncOperator
from pixverse_provider.sensors.credit import PixVerseCreditSensor
from pixverse_provider.sensors.video import PixVerseVideoSensor
from pixverse_provider.triggers.video import PixVerseVideoTrigger
from tests.unit.connections import set_connection
from tests.unit.jobs.making import STORE_KEY, Store, context_of
from tests.unit.networks import HOST
from tests.unit.own_log import OwnLog
from tests.unit.scripted_server import drop, success

if TYPE_CHECKING:
    from tests.unit.networks import World

VIDEO_ID = 101
SUBMIT = "/openapi/v2/video/lip_sync/generate"
POLL = f"/openapi/v2/video/result/{VIDEO_ID}"
SUBMITTED = success({"video_id": VIDEO_ID, "credits": 8})
RUNS = success({"id": VIDEO_ID, "status": 5})
DONE = success({"id": VIDEO_ID, "status": 1, "url": "https://media.pixverse.ai/a.mp4"})
REFUSAL = (
    "The proxy socks5h://{socks} of HTTPS_PROXY in the environment of this worker is a SOCKS proxy, which a "
    "wait in the triggerer cannot use: name an HTTP proxy, or set deferrable=False."
)
with_socks = pytest.mark.usefixtures("_behind_socks")


@pytest.fixture(autouse=True)
def _connection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    set_connection(monkeypatch, world.url)
    world.set(REQUESTS_CA_BUNDLE="{ca}")


@pytest.fixture
def _behind_socks(world: World) -> None:
    world.set(HTTPS_PROXY="socks5h://worker:s3cr3t@{socks}")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    log = OwnLog()
    log.install(monkeypatch, PixVerseGenerationOperator)
    return log.lines


def lip_sync(**arguments: Any) -> PixVerseLipSyncOperator:
    defaults = {"source_video_id": 7, "audio_media_id": 8, "poll_interval": 1.0, "do_xcom_push": False}
    return PixVerseLipSyncOperator(task_id="lip_sync", **(defaults | arguments))


def deferral_of(task: Any, context: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        task.execute(context)
    return caught.value


def event_of(trigger: Any) -> Any:
    """Run a trigger now, as the triggerer does."""
    trigger.not_before = 0.0

    async def run() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    (event,) = asyncio.run(run())
    return event


def paths(world: World) -> list[str]:
    return [request.path for request in world.pixverse.requests]


class TestAcrossADeferral:
    @pytest.mark.parametrize(
        "env",
        [
            {},
            {"HTTPS_PROXY": "{proxy}"},
            {"ALL_PROXY": "http://worker:s3cr3t@{proxy}"},
            {"HTTPS_PROXY": "https://{tls_proxy}"},
            {"HTTPS_PROXY": "http://{closed}", "NO_PROXY": f"{HOST}:{{port}}"},
            {"HTTPS_PROXY": "socks5h://{closed}", "NO_PROXY": HOST},
            {"HTTP_PROXY": "socks5h://{closed}"},
            {"NETRC": "{netrc}"},
        ],
        ids=lambda env: " ".join(f"{name}={value}" for name, value in env.items()) or "only a CA bundle",
    )
    def test_the_triggerer_finds_the_way_that_the_worker_has_found(
        self, world: World, env: dict[str, str]
    ) -> None:
        world.set(**env)
        world.pixverse.will(SUBMITTED, RUNS, DONE)
        task, context = lip_sync(deferrable=True), context_of(Store())
        deferred = deferral_of(task, context)
        assert task.execute_complete(context, event_of(deferred.trigger)) == VIDEO_ID
        assert paths(world) == [SUBMIT, POLL, POLL]
        assert [
            name for request in world.pixverse.requests for name in request.headers if "auth" in name
        ] == []


@with_socks
class TestBehindSocks:
    def test_a_task_that_would_defer_is_refused_before_it_pays(self, world: World) -> None:
        store = Store()
        with pytest.raises(PixVerseConfigurationError) as caught:
            lip_sync(deferrable=True).execute(context_of(store))
        assert str(caught.value) == world.fill(REFUSAL)
        assert (world.pixverse.requests, store.values) == ([], {})

    def test_a_task_that_waits_in_its_worker_goes_on(self, world: World) -> None:
        world.pixverse.will(SUBMITTED, DONE)
        assert lip_sync().execute(context_of(Store())) == VIDEO_ID
        assert len(world.proxies["socks"].asked) == 1

    def test_a_task_that_does_not_wait_goes_on(self, world: World) -> None:
        world.pixverse.will(SUBMITTED)
        task = lip_sync(deferrable=True, wait_for_completion=False)
        assert task.execute(context_of(Store())) == VIDEO_ID

    def test_a_task_with_a_paid_job_waits_for_it_in_its_worker(
        self, world: World, said: list[tuple[str, str]]
    ) -> None:
        store = Store()
        # The first attempt ran where there is another proxy.
        world.set(HTTPS_PROXY="{proxy}")
        world.pixverse.will(SUBMITTED, RUNS)
        deferral_of(lip_sync(deferrable=True), context_of(store))
        world.set(HTTPS_PROXY="socks5h://worker:s3cr3t@{socks}")
        world.pixverse.will(RUNS, DONE)
        assert lip_sync(deferrable=True).execute(context_of(store, try_number=2)) == VIDEO_ID
        assert paths(world) == [SUBMIT, POLL, POLL, POLL]
        refusal = (
            f"PixVerse video {VIDEO_ID} is paid, so it is waited for in this worker: {world.fill(REFUSAL)}"
        )
        assert ("WARNING", refusal) in said

    def test_a_submit_whose_answer_was_lost_is_repeated_since_a_job_may_be_paid(self, world: World) -> None:
        store = Store()
        world.set(HTTPS_PROXY="{proxy}")
        world.pixverse.will(drop, drop, drop)
        with pytest.raises(Exception, match="may exist"):
            lip_sync(deferrable=True).execute(context_of(store))
        world.set(HTTPS_PROXY="socks5h://worker:s3cr3t@{socks}")
        world.pixverse.will(SUBMITTED, DONE)
        assert lip_sync(deferrable=True).execute(context_of(store, try_number=2)) == VIDEO_ID
        assert len({request.trace_id for request in world.pixverse.requests[:4]}) == 1

    @pytest.mark.parametrize("soft_fail", [False, True])
    @pytest.mark.parametrize("kind", ["videos", "credits"])
    def test_a_sensor_that_would_defer_is_refused_as_its_other_failures_are(
        self, world: World, kind: str, *, soft_fail: bool
    ) -> None:
        arguments: dict[str, Any] = {"task_id": "wait", "deferrable": True, "soft_fail": soft_fail}
        sensor: Any = PixVerseCreditSensor(min_credits=8, **arguments)
        if kind == "videos":
            world.pixverse.will(RUNS)
            sensor = PixVerseVideoSensor(video_id=VIDEO_ID, **arguments)
        with pytest.raises(AirflowSkipException if soft_fail else AirflowFailException) as caught:
            sensor.execute({})
        assert world.fill(REFUSAL) in str(caught.value)

    def test_a_sensor_that_need_not_wait_goes_on(self, world: World) -> None:
        world.pixverse.will(DONE)
        sensor = PixVerseVideoSensor(task_id="wait", deferrable=True, video_id=VIDEO_ID)
        assert sensor.execute({}) == VIDEO_ID
        assert PixVerseCreditSensor(task_id="wait", deferrable=True, min_credits=7).execute({}) == 7

    def test_a_sensor_that_waits_in_its_worker_goes_on(self, world: World) -> None:
        world.pixverse.will(RUNS, DONE)
        sensor = PixVerseVideoSensor(task_id="wait", video_id=VIDEO_ID, poke_interval=0.01)
        assert sensor.execute({}) == VIDEO_ID


class TestBeforeItPays:
    @pytest.mark.parametrize("deferrable", [False, True])
    @pytest.mark.parametrize(
        ("env", "named"),
        [
            ({"REQUESTS_CA_BUNDLE": "{nothing}"}, "REQUESTS_CA_BUNDLE"),
            ({"REQUESTS_CA_BUNDLE": "{text}"}, "REQUESTS_CA_BUNDLE"),
            ({"REQUESTS_CA_BUNDLE": "", "SSL_CERT_FILE": "{nothing}"}, "SSL_CERT_FILE"),
            ({"HTTPS_PROXY": "http://proxy.test:port"}, "HTTPS_PROXY"),
        ],
    )
    def test_an_environment_that_cannot_be_used_is_named(
        self, world: World, env: dict[str, str], named: str, *, deferrable: bool
    ) -> None:
        world.set(**env)
        store = Store()
        with pytest.raises(PixVerseConfigurationError, match=f"^{named} in the environment of this process"):
            lip_sync(deferrable=deferrable).execute(context_of(store))
        assert (world.pixverse.requests, store.values) == ([], {})

    def test_a_proxy_that_refuses_leaves_no_job_in_doubt_and_the_next_attempt_submits(
        self, world: World
    ) -> None:
        store = Store()
        world.set(HTTPS_PROXY="{says_407}")
        with pytest.raises(PixVerseTransientError, match=r"HTTP 407 .* The request was not sent\."):
            lip_sync().execute(context_of(store))
        assert store.get(STORE_KEY)["answer_lost"] is False
        world.set(HTTPS_PROXY="{proxy}")
        world.pixverse.will(SUBMITTED, DONE)
        assert lip_sync().execute(context_of(store, try_number=2)) == VIDEO_ID
        assert paths(world) == [SUBMIT, POLL]


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"HTTPS_PROXY": "socks5h://{socks}"}, "The proxy socks5h"),
        ({"REQUESTS_CA_BUNDLE": "{nothing}"}, "REQUESTS_CA_BUNDLE"),
    ],
)
def test_a_triggerer_whose_own_environment_cannot_be_used_gives_its_wait_back_and_names_the_job(
    world: World, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], named: str
) -> None:
    monkeypatch.setattr("pixverse_provider.jobs.watch.MISSING_CONNECTION_SECONDS", 0.0)
    world.pixverse.will(SUBMITTED, RUNS)
    task, context = lip_sync(deferrable=True), context_of(Store())
    trigger = deferral_of(task, context).trigger
    assert isinstance(trigger, PixVerseVideoTrigger)
    trigger.poll_interval = 0.01
    world.set(**env)
    event = event_of(trigger)
    ((result,), _, _) = read_event(event)
    assert result.outcome is Outcome.ERROR
    with pytest.raises(PixVerseConfigurationError) as caught:
        task.execute_complete(context, event)
    assert str(caught.value).startswith(named)
    assert "in the environment of the triggerer" in str(caught.value)
    assert f"PixVerse video {VIDEO_ID} goes on and is paid." in str(caught.value)
