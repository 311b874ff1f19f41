"""A value of any type in any argument of a task, a request or a call works, or is refused in a sentence."""

from __future__ import annotations

import dataclasses
import inspect
import json
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.generations import ImageReference, KeyFrame, MaskSelectionRequest
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from tests.support.kinds import NAMES, Ids, public_tasks, request_class, smallest
from tests.support.tasks import TaskRun
from tests.unit.odd.rule import problem
from tests.unit.odd.service import PixVerse, pixverse
from tests.unit.odd.values import FOR_EACH, ODD, ODD_VALUES, Odd
from tests.unit.pixverse_in_time import resumed

if TYPE_CHECKING:
    from collections.abc import Callable

GENERATIONS = {f"PixVerse{name}Operator": smallest(name, Ids()) for name in NAMES}
WAITING = {"timeout": 50, "poke_interval": 5}
TASKS: dict[str, dict[str, Any]] = {
    **GENERATIONS,
    "PixVerseUploadMediaOperator": {"source": "https://media.example/a.mp4"},
    "PixVerseUploadImageOperator": {"source": "https://media.example/a.png"},
    "PixVerseDownloadVideoOperator": {"video_id": 7, "destination": "folder/a.mp4"},
    "PixVerseBalanceOperator": {},
    "PixVerseVideoSensor": {"video_id": 7} | WAITING,
    "PixVerseCreditSensor": {"min_credits": 7} | WAITING,
}
# What is left out where another argument is odd, since the two exclude each other.
EXCLUDED = {
    "audio_media_id": ("lip_sync_tts_content", "lip_sync_tts_speaker_id"),
    "img_ids": ("img_id",),
    "restyle_prompt": ("restyle_id",),
    "video_media_id": ("source_video_id",),
    "video_references": ("duration",),
}
# What only this model takes.
MODELS = {"video_references": "v6"}
# Those that a sensor of Airflow's takes, and the provider reads.
_OF_SENSORS = ("soft_fail", "never_fail")


@cache
def arguments_of(task: str) -> list[str]:
    parameters = inspect.signature(public_tasks()[task]).parameters.values()
    named = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    return named + list(_OF_SENSORS if task.endswith("Sensor") else ())


COMMON = sorted(set.intersection(*(set(arguments_of(task)) for task in GENERATIONS)))


def test_every_public_task_is_tried() -> None:
    assert TASKS.keys() == public_tasks().keys() - {PixVerseGenerationOperator.__name__}


def to_its_end(service: PixVerse, name: str, arguments: dict[str, Any]) -> None:
    """Make a task, render it and run it, over its deferrals; then once more, as a retry."""
    task = public_tasks()[name](task_id="t", **arguments)
    run = TaskRun(task)
    if "source" in arguments:
        # All others leave this to Airflow.
        task.render_template_fields(run.context)
    _attempt(service, run)
    if isinstance(task, PixVerseGenerationOperator) and task.durable:
        assert service.paid == 1
        run.ti.try_number += 1
        _attempt(service, run)
        assert service.paid == 1, "a retry paid again"


def _attempt(service: PixVerse, run: TaskRun) -> None:
    deferred: TaskDeferred | None = None
    while True:
        try:
            if deferred is None:
                result = run.attempt()
            else:
                result = resumed(run.operator, deferred, run.context, service.clock)
        except TaskDeferred as again:
            deferred = again
            json.dumps(deferred.trigger.serialize(), allow_nan=False)
        else:
            json.dumps(result, allow_nan=False)
            return


def beside(right: dict[str, Any], argument: str) -> dict[str, Any]:
    """Return the right arguments that may be given beside one."""
    right = right | ({"model": MODELS[argument]} if argument in MODELS else {})
    return {name: value for name, value in right.items() if name not in EXCLUDED.get(argument, ())}


def names_of(argument: str) -> tuple[str, ...]:
    """What a message about an argument may call it."""
    return ("pixverse_conn_id", "connection") if argument == "pixverse_conn_id" else (argument,)


def trouble(
    monkeypatch: pytest.MonkeyPatch, name: str, argument: str, odd: Odd, *, polls: int = 0, **more: Any
) -> str | None:
    with pixverse(monkeypatch, polls) as service:
        return problem(
            lambda: to_its_end(service, name, beside(TASKS[name], argument) | more | {argument: odd.make()}),
            service,
            *names_of(argument),
        )


def troubles(run: Callable[[Any], object], service: PixVerse, *names: str) -> dict[str, str]:
    """Return what is wrong, by the name of the value."""
    found = {odd.name: problem(lambda: run(odd.make()), service, *names) for odd in ODD}  # noqa: B023
    return {name: said for name, said in found.items() if said}


@pytest.mark.parametrize("task", TASKS)
@FOR_EACH
@given(st.data())
def test_of_a_task(task: str, data: st.DataObject) -> None:
    argument = data.draw(st.sampled_from(arguments_of(task)), "argument")
    odd = data.draw(ODD_VALUES, "value")
    polls = data.draw(st.sampled_from((0, 2) if "deferrable" in arguments_of(task) else (0,)), "polls")
    with pytest.MonkeyPatch.context() as monkeypatch:
        waits = {"deferrable": True} if polls else {}
        assert trouble(monkeypatch, task, argument, odd, polls=polls, **waits) is None


@pytest.mark.parametrize("argument", COMMON)
def test_of_what_every_generation_takes(monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    name = "PixVerseMimicOperator"
    with pixverse(monkeypatch) as service:
        run = lambda value: to_its_end(service, name, TASKS[name] | {argument: value})  # noqa: E731
        assert troubles(run, service, *names_of(argument)) == {}


REQUESTS: dict[Any, dict[str, Any]] = {
    **{request_class(name): smallest(name, Ids()) for name in NAMES},
    MaskSelectionRequest: {"source_video_id": 7},
}
PARTS = {"multi_transition": KeyFrame, "image_references": ImageReference}


def ways_to_read() -> dict[Any, tuple[Any, str, str | None]]:
    """Return each reader of a field once, with a request, its field, and the key within the items of that."""
    found: dict[Any, tuple[Any, str, str | None]] = {}
    for cls in REQUESTS:
        for field in dataclasses.fields(cls):
            found.setdefault(field.metadata["reader"], (cls, field.name, None))
            for key in dataclasses.fields(PARTS[field.name]) if field.name in PARTS else ():
                found.setdefault(key.metadata["reader"], (cls, field.name, key.name))
    return found


WAYS = list(ways_to_read().values())


@pytest.mark.parametrize(("cls", "field", "key"), WAYS, ids=[f"{c.__name__}-{f}-{k}" for c, f, k in WAYS])
def test_of_a_request(monkeypatch: pytest.MonkeyPatch, cls: Any, field: str, key: str | None) -> None:
    right = beside(REQUESTS[cls], field)

    def make(value: object) -> None:
        changed = value if key is None else [right[field][0] | {key: value}, *right[field][1:]]
        payload = cls(**right | {field: changed}).call().payload
        json.dumps(payload, allow_nan=False, ensure_ascii=False).encode()

    with pixverse(monkeypatch) as service:
        assert troubles(make, service, key or field) == {}


CALLS: dict[str, tuple[Callable[[PixVerseHook, Any], object], tuple[str, ...]]] = {
    "get_video": (lambda hook, value: hook.get_video(value), ("video_id",)),
    "get_image": (lambda hook, value: hook.get_image(value), ("image_id",)),
    "poll": (lambda hook, value: hook.poll("video", value), ("job_id",)),
    "poll of a media type": (lambda hook, value: hook.poll(value, 7), ("media_type",)),
    "submit": (lambda hook, value: hook.submit(value, trace_id=str(uuid.UUID(int=7))), ("submit takes",)),
    "trace id": (
        lambda hook, value: hook.submit(request_class("Mimic")(**smallest("Mimic", Ids())), trace_id=value),
        ("trace_id",),
    ),
    "select_mask": (lambda hook, value: hook.select_mask(value), ("select_mask takes",)),
    "trace id of masks": (
        lambda hook, value: hook.select_mask(MaskSelectionRequest(source_video_id=7), trace_id=value),
        ("trace_id",),
    ),
    "upload_media": (lambda hook, value: hook.upload_media(value), ("source",)),
    "upload_image": (lambda hook, value: hook.upload_image(value), ("source",)),
    "upload_media_from_url": (lambda hook, value: hook.upload_media_from_url(value), ("url",)),
    "upload_image_from_url": (lambda hook, value: hook.upload_image_from_url(value), ("url",)),
    "a hook of a connection": (
        lambda _, value: PixVerseHook(value).get_balance(),
        ("pixverse_conn_id", "connection"),
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_of_a_call_of_the_hook(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    make, names = CALLS[call]
    with pixverse(monkeypatch) as service, PixVerseHook() as hook:
        assert troubles(lambda value: make(hook, value), service, *names) == {}


@given(st.sampled_from(sorted(TASKS)), st.data())
def test_of_several_arguments_at_once(task: str, data: st.DataObject) -> None:
    mine = data.draw(st.lists(st.sampled_from(arguments_of(task)), max_size=4, unique=True), "arguments")
    odd = {argument: data.draw(ODD_VALUES, argument) for argument in mine}
    with pytest.MonkeyPatch.context() as monkeypatch, pixverse(monkeypatch) as service:
        values = {argument: value.make() for argument, value in odd.items()}
        assert problem(lambda: to_its_end(service, task, TASKS[task] | values), service, "") is None
