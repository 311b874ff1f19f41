"""What every operator and sensor shares: the name of a mapped one, and how a failure looks in its log."""

from __future__ import annotations

import functools
import inspect
import os
import textwrap
import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowTaskTimeout,
)

from pixverse_provider.exceptions import PixVerseError, storable_text
from pixverse_provider.jobs.log_lines import parts_of
from pixverse_provider.rendering import RenderedOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow.providers.common.compat.sdk import BaseOperator

    Method = TypeVar("Method", bound=Callable[..., Any])

__all__ = ["PixVerseTask", "fails_plainly"]

_TEMPLATE = "map_index_template"
# Airflow's column takes 250 characters, and a square shows a few.
_LONGEST_NAME = 60
_LONGEST_PART = 40
# What has fewer digits is no id, and could be taken for a map index.
_SHORTEST_ID = 6
_MOST_OF_A_LIST = 3
_PLACES = ("source", "destination")


class PixVerseTask(RenderedOperator):
    """Base of all operators and sensors.

    A mapped task instance is named after what tells it apart: the name of a file, the first words of a text,
    an id. ``map_index_template`` of the task, or in the ``default_args``, outranks that.
    """

    has_page: bool | None = None
    """Whether there is a job to look at; None where no method of the task has run in this process."""

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Set the arguments that all mapped task instances share, as ``BaseOperator.partial`` does."""
        partial = super().partial(**kwargs)
        # In what it returns, Airflow has filled in its own default of the template, which is None.
        given = {*kwargs, *(kwargs.get("default_args") or ())}
        for place in ("dag", "task_group"):
            given |= {*(getattr(partial.kwargs.get(place), "default_args", None) or ())}
        mapped = [name for name in cls.template_fields if name not in given]
        if mapped and _TEMPLATE not in given:
            partial.kwargs[_TEMPLATE] = _template(*mapped)
        return partial

    def __init__(self, **kwargs: Any) -> None:
        is_named = _TEMPLATE in kwargs or _TEMPLATE in (kwargs.get("default_args") or {})
        super().__init__(**kwargs)
        if not is_named and next(self.iter_mapped_task_groups(), None) is not None:
            self.map_index_template = _template()

    def map_index_name(self, map_index: int, *fields: str) -> str:
        """Return what tells this mapped task instance apart, in up to 60 characters.

        It raises nothing: a template that does fails a task whose work has succeeded.

        :param map_index: the name of one whose values say nothing, as Airflow would give it.
        :param fields: those that are mapped; by default, in a mapped task group, those whose values are not
            written in the DAG file.
        """
        try:
            name = self._name_by(fields or self._rendered_fields())
        except Exception:  # the work of the task is done, so no value may fail it that has no name
            self.log.debug("This mapped task instance gets no name.", exc_info=True)
            name = ""
        name = name or str(map_index)
        dag = self.get_dag()
        # Jinja's native types would make a number of digits, and Airflow fails a task whose name is none.
        return repr(name) if dag is not None and dag.render_template_as_native_obj else name

    def _sleep(self, seconds: float, line: Callable[[float], str]) -> None:
        """Sleep in this worker; a long pause is no reason to say nothing.

        :param line: makes a line for the log of the seconds that are left.
        """
        *parts, rest = parts_of(seconds)
        left = seconds
        for part in parts:
            time.sleep(part)
            left -= part
            self.log.info(line(left))
        time.sleep(rest)

    def _rendered_fields(self) -> list[str]:
        as_written = self.dag.get_task(self.task_id)
        return [
            name
            for name in self.template_fields
            if getattr(as_written, name, None) != getattr(self, name, None)
        ]

    def _name_by(self, fields: Iterable[str]) -> str:
        # The words of a prompt say more than the ids and options around it.
        ordered = sorted(fields, key=lambda name: not name.endswith(("prompt", "content", "source")))
        values = {name: value for name in ordered if (value := getattr(self, name, None)) is not None}
        arguments = inspect.signature(type(self).__init__).parameters
        telling = [name for name in values if values[name] != getattr(arguments.get(name), "default", None)]
        parts = [_named(name, values[name]) for name in telling]
        return _cut(", ".join(part for part in parts if part), _LONGEST_NAME)


def _template(*fields: str) -> str:
    arguments = ", ".join(["ti.map_index", *map(repr, fields)])
    return f"{{{{ task.map_index_name({arguments}) }}}}"


def fails_plainly(method: Method) -> Method:
    """Let a failure of the provider leave a method of a task without the frames below it.

    Its message says what happened and what to do, and it is read by people who do not know this code. The
    whole traceback is logged at level DEBUG.
    """

    @functools.wraps(method)
    def run(self: BaseOperator, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except (PixVerseError, AirflowSensorTimeout, AirflowTaskTimeout) as err:
            self.log.debug("Where it was raised:", exc_info=True)
            _forget_frames(err)
            raise

    return cast("Method", run)


def _forget_frames(error: BaseException) -> None:
    """Drop the frames of an error and of what it was raised from, and what only says the same once more."""
    error.__traceback__ = None
    seen = {id(error)}
    while True:
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None or id(cause) in seen:
            return
        if isinstance(cause, AirflowException) and str(cause) in str(error):
            error.__cause__, error.__suppress_context__ = cause.__cause__, True
            continue
        seen.add(id(cause))
        cause.__traceback__ = None
        error = cause


def _named(field: str, value: Any) -> str:
    """Return a value in some words, with the name of its field where it would say little alone."""
    text = _in_words(field, value)
    is_number = text.lstrip("-").replace(".", "", 1).isdecimal() and len(text) < _SHORTEST_ID
    return f"{field} {text}" if text and (is_number or isinstance(value, bool)) else text


def _in_words(field: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        more = ["…"] if len(value) > _MOST_OF_A_LIST else []
        return ", ".join([*(_in_words(field, each) for each in value[:_MOST_OF_A_LIST]), *more])
    if isinstance(value, dict):
        return _in_words(field, list(value.values()))
    if isinstance(value, os.PathLike):
        value = getattr(value, "name", None) or os.fsdecode(value)
    text = "".join(each if each.isprintable() else " " for each in storable_text(str(value)))
    # A URL may be signed, and of a place its last part tells it apart.
    if "://" in text.split(" ", 1)[0]:
        text = PurePath(urlsplit(text).path).name or text.split("?", 1)[0]
    elif field in _PLACES:
        text = PurePath(text).name or text
    return _cut(text, _LONGEST_PART)


def _cut(text: str, longest: int) -> str:
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    words = textwrap.shorten(text, longest, placeholder="…")
    return words if len(words) > longest // 2 else f"{text[: longest - 1]}…"
