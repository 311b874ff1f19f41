"""The rule for every input: it works, or a short sentence names the argument, and nothing is paid."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
)

from pixverse_provider.exceptions import PixVerseError, PixVerseWaitTimeoutError, storable_text
from tests.unit.connections import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.odd.service import PixVerse

LONGEST_MESSAGE = 600

# How a wait ends that was asked to be short.
_OUT_OF_TIME = (AirflowSensorTimeout, AirflowSkipException, AirflowTaskTimeout, PixVerseWaitTimeoutError)


def problem(run: Callable[[], object], service: PixVerse, *names: str) -> str | None:
    """Run, and say what is wrong with the way in which it ends, or None.

    :param names: of which a message must hold one.
    """
    service.forget()
    try:
        run()
    except _OUT_OF_TIME as error:
        return _shown(error)
    except PixVerseError as error:
        if service.paid or service.uploads:
            return f"something was sent before it said {str(error)!r}"
        return _shown(error) or wrong_sentence(str(error), *names)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this looks for
        return None if _is_airflows(error) else "".join(traceback.format_exception(error))
    return None


def wrong_sentence(text: str, *names: str) -> str | None:
    """Say what is wrong with a message, or None."""
    if not any(name in text for name in names):
        return f"does not name {' or '.join(names)}: {text!r}"
    if len(text) > LONGEST_MESSAGE:
        return f"is of {len(text)} characters: {text!r}"
    if not text.isprintable() or storable_text(text) != text:
        return f"cannot be shown: {text!r}"
    return None if text.endswith((".", "!", "?")) else f"is no sentence: {text!r}"


def _shown(error: BaseException) -> str | None:
    """Say whether the key is shown, causes included; a traceback is what a log keeps."""
    cause: BaseException | None = error
    while cause is not None:
        if KEY in str(cause) or KEY in repr(cause.args):
            return f"shows the key: {cause!r}"
        cause = cause.__cause__ or cause.__context__
    return None


def _is_airflows(error: Exception) -> bool:
    """Tell whether an exception came up in what Airflow does with the arguments of every operator.

    It looks for references in them when a task is made, and renders them.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    modules = [str(frame.f_globals.get("__name__")) for frame in frames]
    packages = [name for name in modules if name.startswith(("airflow.", "pixverse_provider."))]
    runs = any(frame.f_code.co_name == "execute" for frame in frames)
    return bool(packages) and packages[-1].startswith("airflow.") and not runs
