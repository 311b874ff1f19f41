"""What every generation request is: a path, a payload, a price where it is known, and its warnings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pixverse_provider.api.fields import read_fields
from pixverse_provider.api.protocol import Call
from pixverse_provider.api.results import ResultKind, Submission
from pixverse_provider.exceptions import PixVerseInvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CheckedRequest", "GenerationRequest", "exactly_one", "field_names", "payload_of"]


def field_names(request: type[Any]) -> tuple[str, ...]:
    """Return the fields of a request class, in their order; the arguments of its operator."""
    return tuple(field.name for field in fields(request))


def payload_of(record: Any) -> dict[str, Any]:
    """Return the JSON object of a dataclass: the fields that are given, under the names of the API."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: _json(value) for name, value in values.items() if value is not None}


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return payload_of(value) if is_dataclass(value) else value


def exactly_one(request: Any, one: str, other: str, what: str) -> None:
    """Check that one of two fields is given and the other is not.

    :param what: that the two stand for, in words that follow "needs" and "takes one".
    :raises PixVerseInvalidRequestError: names both.
    """
    first, second = getattr(request, one), getattr(request, other)
    if first is None and second is None:
        raise PixVerseInvalidRequestError(
            f"The {request.kind} needs one {what}: give {one} or {other}, and neither is given."
        )
    if first is not None and second is not None:
        raise PixVerseInvalidRequestError(
            f"The {request.kind} takes one {what}, but both {one}={first!r} and {other}={second!r} are "
            "given. Leave one out."
        )


class GenerationRequest(ABC):
    """A job to be made: what is sent, and what it costs as far as that is known beforehand."""

    kind: ClassVar[str]
    """What it makes, in words, for logs and messages."""
    path: ClassVar[str]
    """Path of the call below the base URL."""
    result: ClassVar[ResultKind] = "video"
    """What comes of it, which says where its state is read."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What PixVerse may refuse, or leave unused, since its pages disagree or say no more."""
        return tuple(self.iter_warnings())

    def iter_warnings(self) -> Iterator[str]:
        """Yield the warnings."""
        yield from ()

    def payload(self) -> dict[str, Any]:
        """Return the JSON body: the fields that are given, under the names of the API."""
        return payload_of(self)

    @abstractmethod
    def estimated_credits(self) -> int | None:
        """Return the price in credits, or None where the published tables do not tell it from the request."""

    def call(self) -> Call[Submission]:
        """Return the paid call that submits this request."""
        parse = Submission.from_resp if self.result == "video" else Submission.from_image_resp
        return Call(f"submit the {self.kind}", "POST", self.path, parse, payload=self.payload(), paid=True)


class CheckedRequest(GenerationRequest):
    """A request whose fields are declared with :func:`pixverse_provider.api.fields.given`.

    Its fields are read first, one by one; then the rules between them are checked.
    """

    def __post_init__(self) -> None:
        """Bring every field to the form of the API, and check the rules."""
        read_fields(self)
        self.check()

    @classmethod
    def of(cls, source: object) -> Self:
        """Make a request of the attributes of an object that have the names of its fields."""
        return cls(**{name: getattr(source, name) for name in field_names(cls)})

    def check(self) -> None:
        """Check the rules between the fields.

        :raises PixVerseInvalidRequestError: names the field, the value and what is allowed.
        """

    def estimated_credits(self) -> int | None:
        """Return the price in credits, or None where the published tables do not tell it from the request."""
        return None
