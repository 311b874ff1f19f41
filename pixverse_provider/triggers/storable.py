"""What leaves a trigger must be storable, or it ends the whole triggerer with everybody's waits.

Airflow sends an event, or the traceback of an exception, as msgpack to another process, which writes it as
JSON into its database. What cannot be encoded ends the process and not the trigger, again at each restart.
"""

from __future__ import annotations

import math
import traceback
from typing import Any

from pixverse_provider.exceptions import PixVerseError, storable_text

__all__ = ["check_traceback", "storable"]

_LARGEST_INTEGER = 2**63 - 1


def storable(value: Any) -> Any:
    """Return JSON primitives with nothing in them that cannot be encoded.

    NUL and unpaired surrogates become U+FFFD, numbers that are not finite become None, and an integer that
    needs more than 63 bits becomes digits.
    """
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        return str(value)
    return value


def check_traceback(error: Exception) -> None:
    """Do nothing where an exception that is about to leave a trigger can be stored with its traceback.

    :raises PixVerseError: in its place where it cannot; it holds the traceback, cleaned.
    """
    text = "".join(traceback.format_exception(error))
    if storable_text(text) != text:
        raise PixVerseError(f"The trigger failed:\n{text}") from None
