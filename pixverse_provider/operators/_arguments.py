"""What the generation operators share about their arguments, which are the fields of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixverse_provider.api.generations import field_names
from pixverse_provider.operators.generation import PixVerseGenerationOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from airflow.providers.common.compat.sdk import XComArg

    from pixverse_provider.api.generations import GenerationRequest
    from pixverse_provider.api.ids import Id
    from pixverse_provider.rendering import Unrendered

    IdArg = Id | XComArg
    TextArg = str | XComArg | Unrendered
    NumberArg = int | str | XComArg
    LimitArg = float | str | XComArg
    SwitchArg = bool | str | XComArg
    ListArg = Sequence[Any] | str | XComArg
    PartsArg = Sequence[Mapping[str, Any]] | str | XComArg

__all__ = ["templated"]


def templated(request: type[GenerationRequest]) -> tuple[str, ...]:
    """Return the template fields of the operator of this request."""
    return (*PixVerseGenerationOperator.template_fields, *field_names(request))
