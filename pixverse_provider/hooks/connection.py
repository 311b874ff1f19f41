"""From an Airflow connection to the settings of a client: what it may hold, and what is refused. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pixverse_provider.api.errors import THE_CONNECTION
from pixverse_provider.api.fields import finite_number
from pixverse_provider.api.ids import exact_integer, plain_text, shown
from pixverse_provider.api.settings import (
    DEFAULT_TIMEOUT,
    EMULATOR_KEY,
    LONG_AS_A_KEY,
    ClientSettings,
    read_base_url,
)
from pixverse_provider.exceptions import PixVerseConfigurationError
from pixverse_provider.get_provider_info import CONN_FIELDS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

__all__ = ["CONN_TYPE", "GOES_ON", "settings_from_connection", "warnings_about"]

CONN_TYPE = "pixverse"

GOES_ON = "The polls of a job that is paid go on all the same, and nothing else does: %s"
"""What a task that holds the record of a job says where its connection is of another type by now."""

# Airflow's own for whatever has no type.
_ANY_TYPE = "generic"
_PORT_DIGITS = 5
_EXTRAS = ("timeout", "max_requests_per_second")
_MOST_NAMED = 3


def settings_from_connection(connection: Connection) -> ClientSettings:
    """Return the settings that a connection holds; extras that are not known are left aside.

    A connection of another type is read all the same: the settings then say why they are refused.

    :raises PixVerseConfigurationError: names the connection, the field and the remedy, and never the key.
    """
    where = f"connection {shown(connection.conn_id)}"
    refusal = None
    try:
        refusal = _refusal(connection, where)
        return _settings(connection, where, refusal)
    except PixVerseConfigurationError:
        if refusal is None:
            raise
    except Exception as err:  # noqa: BLE001 - of whatever class a secrets backend makes a field
        # Not chained: the cause may hold a secret.
        raise PixVerseConfigurationError(
            f"The {where} cannot be read ({type(err).__name__}): make its fields texts, its port a number "
            "and its extra a JSON object."
        ) from None
    # What is missing in it is no news, since it is another service's.
    raise PixVerseConfigurationError(refusal)


def _settings(connection: Connection, where: str, refusal: str | None) -> ClientSettings:
    api_key = _api_key(connection, where)
    extra = _extra(connection.extra, where)
    return ClientSettings(
        api_key=api_key,
        base_url=read_base_url(
            _text(connection.host, "host", where),
            where,
            port=_port(connection.port, where),
            schema=_text(connection.schema, "schema", where),
            api_key=api_key,
        ),
        timeout=_number(extra, "timeout", where) or DEFAULT_TIMEOUT,
        max_requests_per_second=_number(extra, "max_requests_per_second", where),
        connection=f"{THE_CONNECTION} {shown(connection.conn_id)}",
        refusal=refusal,
    )


def warnings_about(connection: Connection, settings: ClientSettings) -> list[str]:
    """Return what is worth saying about a connection that can be used."""
    where = f"connection {shown(connection.conn_id)}"
    found = []
    if _conn_type(connection) == _ANY_TYPE:
        found.append(
            f"The Airflow {where} is of type 'generic': its password is sent to PixVerse as the API key. Set "
            f"its type to {CONN_TYPE!r}."
        )
    if settings.base_url.startswith("http://") and not settings.on_loopback:
        found.append(
            f"The Airflow {where} leads to an emulator (its Base URL is plain http://, and its key begins "
            f"with {EMULATOR_KEY!r}): its videos are not real."
        )
    unknown = (
        [] if settings.refusal else [name for name in _extra(connection.extra, where) if name not in _EXTRAS]
    )
    if unknown:
        more = ", …" if len(unknown) > _MOST_NAMED else ""
        found.append(
            f"The extra of the Airflow {where} has {', '.join(map(shown, unknown[:_MOST_NAMED]))}{more}, "
            f"which is left aside: {' and '.join(_EXTRAS)} are read. Proxies and certificates come from the "
            "environment."
        )
    return found


def _conn_type(connection: Connection) -> str:
    return str(connection.conn_type or "").strip().lower()


def _refusal(connection: Connection, where: str) -> str | None:
    """Say why the secret of this connection must not go to PixVerse, or None where it may."""
    if _conn_type(connection) in ("", CONN_TYPE, _ANY_TYPE):
        return None
    name = shown(connection.conn_type)
    # One that somebody has pasted a key into; no type has digits and is that long.
    pasted = len(name) >= LONG_AS_A_KEY and any(map(str.isdecimal, name))
    return (
        f"The Airflow {where} is of {'another type' if pasted else f'type {name}'}, and its password would "
        f"be sent to PixVerse as the API key: name a connection of type {CONN_TYPE!r} in pixverse_conn_id. "
        f"Where its password is a key of PixVerse, set its type to {CONN_TYPE!r}."
    )


def _text(value: object, name: str, where: str) -> str | None:
    text = plain_text(value)
    if value is not None and text is None:
        raise PixVerseConfigurationError(
            f"The {name} of {where} must be a text, not {type(value).__name__}: put it in quotes."
        )
    return text


def _api_key(connection: Connection, where: str) -> str:
    key = (_text(connection.password, "password", where) or "").strip()
    if not key:
        remedy = (
            "move it from the login"
            if _text(connection.login, "login", where)
            else "put the key from platform.pixverse.ai"
        )
        raise PixVerseConfigurationError(f"The API key of {where} is empty: {remedy} into the password.")
    # Neither of these comes through a header as it is.
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise PixVerseConfigurationError(
            f"The API key of {where} holds whitespace or characters that no key has: copy it once more from "
            "platform.pixverse.ai into its password."
        )
    if "://" in key:
        raise PixVerseConfigurationError(
            f"The API key (password) of {where} is a web address: put that into the host, and the key from "
            "platform.pixverse.ai into the password."
        )
    return key


def _port(value: object, where: str) -> int | None:
    if value is None or value == "":
        return None
    # No port has more digits, and Python reads none of thousands of them.
    digits = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _PORT_DIGITS
    port = int(str(value)) if digits else exact_integer(value)
    if port is None:
        raise PixVerseConfigurationError(f"The port of {where} must be a number, not {_kind(value)}.")
    return port


def _extra(value: object, where: str) -> dict[str, Any]:
    """Return the extra as an object; Airflow would leave one that is no JSON aside."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (RecursionError, ValueError):
            # Not chained: the cause holds the extra, and there may be secrets in it.
            raise _no_object("text that is no JSON", where) from None
        if isinstance(value, str):
            raise _no_object("text", where)
    if value is None or isinstance(value, str):
        return {}
    if not isinstance(value, Mapping):
        raise _no_object(_kind(value), where)
    return dict(value)


def _no_object(kind: str, where: str) -> PixVerseConfigurationError:
    return PixVerseConfigurationError(
        f'The extra of {where} must be a JSON object, such as {{"timeout": 30}}, not {kind}.'
    )


def _number(extra: Mapping[str, Any], name: str, where: str) -> float | None:
    """Read an extra with the range that its field in the form has; None where it is left empty."""
    value = extra.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    number = finite_number(value)
    schema = CONN_FIELDS[name]["schema"]
    if number is None or not schema["minimum"] <= number <= schema["maximum"]:
        raise PixVerseConfigurationError(
            f"The extra {name!r} of {where} must be a number from {schema['minimum']} to "
            f"{schema['maximum']}, not {_kind(value)}."
        )
    return number


def _kind(value: object) -> str:
    """Return a value as a message may show it: whoever mixed up two fields may have put the key here."""
    short = isinstance(value, str) and len(value) < LONG_AS_A_KEY
    return shown(value) if short or isinstance(value, int | float) else type(value).__name__
