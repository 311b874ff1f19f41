"""Signature, docstring and template fields of every operator and sensor say the same."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from datetime import timedelta
from typing import Any

import pytest

from pixverse_provider.api.fields import Items
from pixverse_provider.api.generations import field_names
from pixverse_provider.exceptions import PixVerseInvalidRequestError
from pixverse_provider.operators.generation import PixVerseGenerationOperator
from tests.support.kinds import NAMES, Ids, operator_class, public_tasks, request_class, smallest

every_task = pytest.mark.parametrize("task", public_tasks().values(), ids=lambda task: task.__name__)
every_kind = pytest.mark.parametrize("name", NAMES)

_PARAM = re.compile(r"^:param (?P<name>\w+): (?P<text>.*?)(?=^:|\Z)", re.MULTILINE | re.DOTALL)


def arguments_of(task: Any) -> dict[str, inspect.Parameter]:
    """Return what its constructor names; Airflow's own arguments are in ``kwargs``."""
    parameters = inspect.signature(inspect.unwrap(task.__init__)).parameters
    return {name: one for name, one in parameters.items() if one.kind is inspect.Parameter.KEYWORD_ONLY}


def documented(task: Any) -> dict[str, str]:
    """Return what the docstring of the class itself says of each argument."""
    found = _PARAM.finditer(inspect.cleandoc(vars(task)["__doc__"]))
    return {match["name"]: " ".join(match["text"].split()) for match in found}


def smallest_of(task: Any) -> dict[str, Any]:
    """Return the smallest arguments of an operator or a sensor."""
    others: dict[str, dict[str, Any]] = {
        "PixVerseBalanceOperator": {},
        "PixVerseUploadMediaOperator": {"source": "a.mp4"},
        "PixVerseUploadImageOperator": {"source": "a.png"},
        "PixVerseDownloadVideoOperator": {"video_id": 7, "destination": "films/"},
        "PixVerseVideoSensor": {"video_id": 7},
        "PixVerseCreditSensor": {"min_credits": 1},
    }
    kind = task.__name__.removeprefix("PixVerse").removesuffix("Operator")
    return others[task.__name__] if task.__name__ in others else smallest(kind, Ids())


def with_annotation(*annotations: str) -> pytest.MarkDecorator:
    """Try every argument that is declared so, of every operator and sensor."""
    return pytest.mark.parametrize(
        ("task", "argument"),
        [
            (task, name)
            for task in public_tasks().values()
            if task is not PixVerseGenerationOperator
            for name, parameter in arguments_of(task).items()
            if parameter.annotation in annotations
        ],
        ids=lambda value: getattr(value, "__name__", value),
    )


@every_task
def test_the_docstring_names_every_argument_in_the_order_of_the_signature(task: Any) -> None:
    assert [*documented(task)] == [*arguments_of(task)]


@every_task
def test_what_is_templated_says_so_and_nothing_else_does(task: Any) -> None:
    says_so = {name for name, text in documented(task).items() if text.endswith("(templated).")}
    assert says_so == set(task.template_fields)
    assert not [
        text for text in documented(task).values() if "templated" in text.removesuffix("(templated).")
    ]


@every_task
def test_every_template_field_is_an_argument_and_named_once(task: Any) -> None:
    assert set(task.template_fields) <= arguments_of(task).keys()
    assert len(set(task.template_fields)) == len(task.template_fields)


@every_kind
def test_every_argument_is_in_the_signature_of_the_class_itself(name: str) -> None:
    operator = operator_class(name)
    assert "__init__" in vars(operator)
    common = arguments_of(PixVerseGenerationOperator)
    own = arguments_of(operator)
    assert own.keys() == {*field_names(request_class(name)), *common}
    for argument, parameter in common.items():
        assert own[argument] == parameter, "another default or type than the base"


@every_kind
def test_every_common_argument_reaches_the_base(name: str) -> None:
    other: dict[str, Any] = {
        "pixverse_conn_id": "another",
        "wait_for_completion": False,
        "deferrable": True,
        "poll_interval": 4.0,
        "timeout": 60.0,
        "durable": True,
        "reuse_on_clear": True,
        "max_credits": 7,
        "on_ambiguous_submit": "fail",
    }
    assert other.keys() == arguments_of(PixVerseGenerationOperator).keys()
    operator = operator_class(name)(task_id="make", **smallest(name, Ids()), **other)
    assert {argument: getattr(operator, argument) for argument in other} == other


@every_kind
def test_every_field_of_the_request_is_kept_under_its_name(name: str) -> None:
    templates = {field: f"{{{{ params.{field} }}}}" for field in field_names(request_class(name))}
    operator = operator_class(name)(task_id="make", **templates)
    assert {field: getattr(operator, field) for field in templates} == templates


@every_kind
def test_the_page_of_rendered_templates_is_told_that_a_list_is_json(name: str) -> None:
    request: Any = request_class(name)
    lists = {
        field.name for field in dataclasses.fields(request) if isinstance(field.metadata["reader"], Items)
    }
    assert operator_class(name).template_fields_renderers == dict.fromkeys(lists, "json")


@pytest.mark.parametrize(
    ("task", "field"),
    [
        ("PixVerseUploadMediaOperator", "source"),
        ("PixVerseUploadImageOperator", "source"),
        ("PixVerseDownloadVideoOperator", "video_id"),
        ("PixVerseVideoSensor", "video_id"),
    ],
)
def test_so_it_is_where_one_or_many_may_be_given(task: str, field: str) -> None:
    assert public_tasks()[task].template_fields_renderers == {field: "json"}


@with_annotation("bool")
@pytest.mark.parametrize("value", ["False", "True", "{{ params.on }}", "", 0, 1, None, []], ids=repr)
def test_a_switch_of_the_provider_takes_a_bool_and_nothing_else(task: Any, argument: str, value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError) as caught:
        task(task_id="t", **(smallest_of(task) | {argument: value}))
    assert str(caught.value).startswith(f"{argument} must be True or False, not {value!r}: ")
    assert argument not in task.template_fields


@with_annotation("bool")
def test_so_it_does_where_default_args_give_it(task: Any, argument: str) -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=f"^{argument} must be True or False"):
        task(task_id="t", default_args={argument: "False"}, **smallest_of(task))
    assert getattr(task(task_id="t", default_args={argument: True}, **smallest_of(task)), argument) is True


@with_annotation("SwitchArg | None")
def test_a_switch_of_the_request_is_templated_and_read_as_text(task: Any, argument: str) -> None:
    operator = task(task_id="t", **(smallest_of(task) | {argument: "{{ 1 == 2 }}"}))
    operator.render_template_fields({})
    assert operator.build_request().payload()[argument] is False


NO_SECONDS = ["30", "{{ params.seconds }}", -1, math.nan, math.inf, 10**400, True, [30]]


@with_annotation("float | timedelta", "float | timedelta | None")
@pytest.mark.parametrize("value", NO_SECONDS, ids=lambda value: str(value)[:25])
def test_a_time_is_a_number_or_a_timedelta_and_no_template(task: Any, argument: str, value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError) as caught:
        task(task_id="t", **(smallest_of(task) | {argument: value}))
    message = str(caught.value)
    assert message.startswith(f"{argument} must be seconds, a number of at least ")
    assert len(message) < 250
    assert argument not in task.template_fields


@with_annotation("float | timedelta", "float | timedelta | None")
def test_a_timedelta_is_kept_as_its_seconds(task: Any, argument: str) -> None:
    operator = task(task_id="t", **(smallest_of(task) | {argument: timedelta(minutes=2)}))
    assert getattr(operator, argument) == 120.0


@with_annotation("Literal['replay', 'fail']")
@pytest.mark.parametrize("value", ["retry", "{{ params.what }}", "", None, True, []], ids=repr)
def test_what_to_do_about_a_lost_answer_is_one_of_two_words(task: Any, argument: str, value: Any) -> None:
    with pytest.raises(PixVerseInvalidRequestError) as caught:
        task(task_id="t", **(smallest_of(task) | {argument: value}))
    assert str(caught.value).startswith(f"{argument} must be 'replay' or 'fail', not {value!r}: ")


@every_kind
def test_default_args_reach_the_common_arguments(name: str) -> None:
    common = {"pixverse_conn_id": "another", "timeout": 60.0, "max_credits": 7, "on_ambiguous_submit": "fail"}
    operator = operator_class(name)(task_id="make", default_args=common, **smallest(name, Ids()))
    assert {argument: getattr(operator, argument) for argument in common} == common
    templates = operator_class(name)(
        task_id="make", default_args={"max_credits": "{{ 3 + 4 }}"}, **smallest(name, Ids())
    )
    templates.render_template_fields({})
    assert templates.max_credits == "7"
