"""Where the API is and how to talk to it: the one form of a connection that both clients are built from."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from pixverse_provider.api.errors import THE_CONNECTION
from pixverse_provider.exceptions import PixVerseConfigurationError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

__all__ = [
    "API_PATH",
    "DEFAULT_BASE_URL",
    "DEFAULT_TIMEOUT",
    "EMULATOR_KEY",
    "LONG_AS_A_KEY",
    "ClientSettings",
    "http_host",
    "is_loopback",
    "read_base_url",
]

API_PATH = "/openapi/v2"
DEFAULT_BASE_URL = f"https://app-api.pixverse.ai{API_PATH}"
DEFAULT_TIMEOUT = 30.0

EMULATOR_KEY = "pixverse-emulator"
"""How a key begins that only an emulator takes, so that it may travel in plain text."""

# A name that can be looked up, in ASCII.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
# What both HTTP libraries send as it is.
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_LARGEST_PORT = 65_535
_USUAL_PORTS = {"http": 80, "https": 443}
LONG_AS_A_KEY = 16
"""Characters. No key has fewer, and hardly a part of a path has more."""

_GIVE_ONE = f"give a URL such as {DEFAULT_BASE_URL}"


@dataclass(frozen=True)
class ClientSettings:
    """Everything that a client needs to know.

    :param api_key: secret; left out of ``repr``.
    :param base_url: as :func:`read_base_url` returns it.
    :param timeout: seconds to wait for the answer to one request.
    :param max_requests_per_second: budget for all requests of one client; None for no limit. PixVerse
        publishes no figure; its own client holds itself to 1.
    :param connection: how messages name what these settings come from.
    :param refusal: why nothing but the polls of a job that is paid may use them; None where everything may.
    """

    api_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    timeout: float = DEFAULT_TIMEOUT
    max_requests_per_second: float | None = None
    connection: str = THE_CONNECTION
    refusal: str | None = None

    def checked(self) -> Self:
        """Return these settings, for calls of every kind.

        :raises PixVerseConfigurationError: where only polls of a job that is paid may use them.
        """
        if self.refusal is not None:
            raise PixVerseConfigurationError(self.refusal)
        return self

    def same_key_as(self, other: ClientSettings | None) -> bool:
        """Tell whether both would send the same key to the same place."""
        return other is not None and (self.api_key, self.base_url) == (other.api_key, other.base_url)

    @property
    def on_loopback(self) -> bool:
        """Whether the API is on this machine, as an emulator is."""
        return is_loopback(urlsplit(self.base_url).hostname)

    @property
    def plain_http_host(self) -> str | None:
        """Host and port of the API where it is asked by plain http, as an emulator is."""
        return http_host(self.base_url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no text may show: the key, and parts of the path that could be one, put there by mistake."""
        parts = urlsplit(self.base_url).path.split("/")
        return (self.api_key, *(part for part in parts if len(part) >= LONG_AS_A_KEY))


def http_host(url: str) -> str | None:
    """Return what a plain http URL is asked of, as host and port in one form; None for any other URL.

    :raises ValueError: for what is no URL.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        return None
    return f"{parts.hostname}:{parts.port or 80}"


def is_loopback(host: str | None) -> bool:
    """Tell whether a host name or address is this machine itself, without asking a name server."""
    if not host:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_base_url(
    host: str | None, where: str, *, port: int | None = None, schema: str | None = None, api_key: str = ""
) -> str:
    """Return the base URL that the fields of a connection make up, in one form and all ASCII.

    Airflow keeps a URL whole or in parts: scheme, port and path may stand in the host or apart. What is not
    given is ``https``, the port of the scheme, and the path of the API.

    :param host: a URL, a name or an address, as a user wrote it; empty for the international API.
    :param where: what to name in the message, as in ``"connection 'pixverse_default'"``.
    :param port: where it is given apart.
    :param schema: ``http``, ``https`` or a path, where it is given apart.
    :param api_key: secret; it must not stand in the URL, and only that of an emulator travels by plain http.
    :return: without a slash at its end, and without the port that its scheme has anyway.
    :raises PixVerseConfigurationError: where they make up no http(s) URL, contradict each other, or would let
        the key travel in plain text. The message quotes none of them: somebody may have put the key there.
    """
    text, apart = (host or "").strip(), (schema or "").strip()
    if not text:
        if port or apart.lower() not in ("", "https"):
            raise _refused(where, "is empty, but its port or schema is given", _GIVE_ONE)
        return DEFAULT_BASE_URL
    scheme, rest, path = _in_parts(text, apart, where)
    parts = _split(rest, where)
    if "@" in parts.netloc or "?" in rest or "#" in rest:
        raise _refused(
            where, "must hold neither a user name nor a query", "the API key belongs into the password"
        )
    name, number = _host_name(parts, where), _port(parts, port, where)
    if not ("://" in text or apart or number or "." in name or ":" in name or name == "localhost"):
        raise _refused(where, "is a single word without https:// in front", _GIVE_ONE)
    own_path = parts.path.strip("/")
    if path and own_path and path != own_path:
        raise _refused(where, "has a path and the schema another", "leave the schema empty")
    full_path = parts.path.rstrip("/") or (path and f"/{path}") or API_PATH
    if not _PATH.fullmatch(full_path) or {".", ".."} & set(unquote(full_path).split("/")):
        raise _refused(
            where,
            "has a path that cannot be asked for",
            "percent-encode what is no part of a URL, and write it without . and ..",
        )
    emulated = api_key.startswith(EMULATOR_KEY)
    if (
        not emulated
        and len(api_key) >= LONG_AS_A_KEY
        and api_key.lower() in unquote(name + full_path).lower()
    ):
        raise _refused(where, "holds the API key", "the API key belongs into the password alone")
    if scheme == "http" and not is_loopback(name) and not emulated:
        raise _refused(
            where,
            "is plain http://, and the API key would travel in plain text",
            "use https://; plain http is for an emulator, on localhost or with a key that begins with "
            f"{EMULATOR_KEY!r}",
        )
    place = f"[{name}]" if ":" in name else name
    if number and number != _USUAL_PORTS[scheme]:
        place += f":{number}"
    return f"{scheme}://{place}{full_path}"


def _refused(where: str, problem: str, remedy: str) -> PixVerseConfigurationError:
    return PixVerseConfigurationError(f"The Base URL (host) of {where} {problem}: {remedy}.")


def _in_parts(text: str, apart: str, where: str) -> tuple[str, str, str]:
    """Return the scheme, what follows it in the host, and the path that is given apart."""
    head, given, rest = text.partition("://")
    scheme = head.lower() if given else ""
    if given and scheme not in ("http", "https"):
        raise _refused(where, "has a scheme that is neither https nor http", _GIVE_ONE)
    scheme_apart = apart.lower() if apart.lower() in ("http", "https") else ""
    if scheme and scheme_apart and scheme != scheme_apart:
        raise _refused(where, "has a scheme and the schema another", "leave the schema empty")
    path = "" if scheme_apart else apart.strip("/")
    return scheme or scheme_apart or "https", rest if given else text, path


def _split(rest: str, where: str) -> SplitResult:
    """Return the parts of what follows the scheme of a URL; an IPv6 address may stand without brackets."""
    # Python's own reader would drop line breaks and go on.
    if not rest.isprintable() or " " in rest:
        raise _refused(where, "holds whitespace or control characters", _GIVE_ONE)
    place, slash, path = rest.partition("/")
    if place.count(":") > 1 and _address(place):
        rest = f"[{place}]{slash}{path}"
    try:
        parts = urlsplit(f"//{rest}")
        if parts.port != 0:
            return parts
    except ValueError:
        pass
    raise _refused(where, f"has no port from 1 to {_LARGEST_PORT}, or brackets around no address", _GIVE_ONE)


def _address(text: str) -> str | None:
    """Return an IP address in its shortest form, or None for anything else."""
    try:
        # A zone, behind a percent sign, has a meaning on one machine only.
        return None if "%" in text else ipaddress.ip_address(text).compressed
    except ValueError:
        return None


def _host_name(parts: SplitResult, where: str) -> str:
    """Return the name in ASCII, as it is looked up, or the address."""
    name = parts.hostname or ""
    address = _address(name)
    if address is not None:
        return address
    if not name.isascii():
        import idna

        try:
            name = idna.encode(name, uts46=True).decode()
        except UnicodeError:
            name = ""
    if "[" in parts.netloc or not _HOST_NAME.fullmatch(name):
        raise _refused(where, "names no host", _GIVE_ONE)
    # Of the root of all names. No certificate has it, and not every client leaves it out.
    return name.removesuffix(".")


def _port(parts: SplitResult, apart: int | None, where: str) -> int | None:
    """Return the port, wherever it is given."""
    if apart and not 0 < apart <= _LARGEST_PORT:
        raise _refused(
            where, f"has a port of its own out of the range 1 to {_LARGEST_PORT}", "correct the port"
        )
    if apart and parts.port and apart != parts.port:
        raise _refused(
            where, f"names port {parts.port}, and the port of its own is {apart}", "leave one of them out"
        )
    return apart or parts.port
