"""What the thin operators share: their arguments are the fields of a request, under the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pixverse_provider.api.generations import field_names
from pixverse_provider.exceptions import PixVerseInvalidRequestError
from pixverse_provider.operators.generation import PixVerseGenerationOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import XComArg

    from pixverse_provider.api.generations import CheckedRequest
    from pixverse_provider.api.ids import Id

    IdArg = Id | XComArg
    TextArg = str | XComArg
    NumberArg = int | str | XComArg
    SwitchArg = bool | str | XComArg
    ListArg = Sequence[Any] | str | XComArg
    PartsArg = Sequence[Mapping[str, Any]] | str | XComArg

__all__ = ["RequestOperator", "templated"]


def templated(request: type[Any]) -> tuple[str, ...]:
    """Return the template fields of an operator whose arguments are the fields of this request."""
    return (*PixVerseGenerationOperator.template_fields, *field_names(request))


class RequestOperator(PixVerseGenerationOperator):
    """Base of the operators whose arguments are the fields of a request; they are read once rendered."""

    request_class: ClassVar[type[CheckedRequest]]

    def build_request(self) -> CheckedRequest:
        """Return the request; raises ``PixVerseInvalidRequestError`` where a rule is broken."""
        return self.request_class.of(self)

    def _needs_one_of(self, **arguments: object) -> None:
        """Fail where none of these is given at all: a mistake that no template can fix."""
        if all(value is None for value in arguments.values()):
            raise PixVerseInvalidRequestError(
                f"{type(self).__name__} needs one of {' and '.join(arguments)}, and neither is given."
            )
