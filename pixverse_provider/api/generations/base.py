"""What every generation request is: a path, a payload, a price where it is known, and its warnings."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pixverse_provider.api.fields import read_fields
from pixverse_provider.api.ids import shown
from pixverse_provider.api.protocol import Call
from pixverse_provider.api.results import MediaType, Submission
from pixverse_provider.exceptions import PixVerseInvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GenerationRequest", "OneOf", "field_names", "payload_of"]


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


class OneOf:
    """Sources that exclude each other, such as an uploaded video and one that PixVerse made.

    :param sources: each a field, or the fields that are given together.
    :param needs: what they stand for, such as "a video", where one of them has to be given.
    """

    def __init__(self, *sources: str | tuple[str, ...], needs: str | None = None) -> None:
        self._sources = tuple((source,) if isinstance(source, str) else source for source in sources)
        self._needs = needs

    def check(self, request: Any, subject: str) -> None:
        """Check the fields of a request, which are None where they are not given.

        :param subject: that the message is about.
        :raises PixVerseInvalidRequestError: names the fields.
        """
        given = [name for source in self._sources for name in _given(request, source)[:1]]
        if len(given) > 1:
            raise PixVerseInvalidRequestError(
                f"{' and '.join(f'{name}={shown(getattr(request, name))}' for name in given)} exclude each "
                "other: leave one out."
            )
        self.check_given(request, subject)

    def check_given(self, source: Any, subject: str) -> None:
        """Check that nothing is missing; reads no value but None, which no template can fix.

        :param source: has the attributes.
        :param subject: that the message is about.
        :raises PixVerseInvalidRequestError: names the fields.
        """
        if self._needs is None or any(_given(source, names) == names for names in self._sources):
            return
        given = [name for names in self._sources for name in _given(source, names)]
        raise PixVerseInvalidRequestError(
            f"{subject} needs {self._needs}: give {' or '.join(map(' with '.join, self._sources))}"
            f"{f', not {given[0]} alone' if given else ''}."
        )


def _given(source: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if getattr(source, name) is not None)


class GenerationRequest:
    """A job to be made: what is sent, and what it costs as far as that is known beforehand.

    Its fields are declared with :func:`pixverse_provider.api.fields.given`. They are read first, one by one;
    then the rules between them are checked.
    """

    kind: ClassVar[str]
    """What it makes, in words, for logs and messages."""
    path: ClassVar[str]
    """Path of the call below the base URL."""
    media_type: ClassVar[MediaType] = "video"
    """What comes of it, which says where its state is read."""
    one_of: ClassVar[tuple[OneOf, ...]] = ()
    """Its sources that exclude each other."""

    def __post_init__(self) -> None:
        """Bring every field to the form of the API, and check the rules."""
        read_fields(self)
        for sources in self.one_of:
            sources.check(self, f"The {self.kind}")
        self.check()

    @classmethod
    def of(cls, source: object) -> Self:
        """Make a request of the attributes of an object that have the names of its fields."""
        return cls(**{name: getattr(source, name) for name in field_names(cls)})

    def check(self) -> None:
        """Check the rules between the fields.

        :raises PixVerseInvalidRequestError: names the field, the value and what is allowed.
        """

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

    def estimated_credits(self) -> int | None:
        """Return the price in credits, or None where the published tables do not tell it from the request."""
        return None

    def call(self) -> Call[Submission]:
        """Return the paid call that submits this request."""
        parse = Submission.from_resp if self.media_type == "video" else Submission.from_image_resp
        return Call(f"submit the {self.kind}", "POST", self.path, parse, payload=self.payload(), paid=True)
