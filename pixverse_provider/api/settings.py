"""Where the API is and how to talk to it: the one form of a connection that both clients are built from."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pixverse_provider.exceptions import PixVerseConfigurationError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

__all__ = [
    "API_PATH",
    "DEFAULT_BASE_URL",
    "DEFAULT_TIMEOUT",
    "ClientSettings",
    "http_host",
    "is_loopback",
    "normalise_base_url",
]

API_PATH = "/openapi/v2"
DEFAULT_BASE_URL = f"https://app-api.pixverse.ai{API_PATH}"
DEFAULT_TIMEOUT = 30.0


@dataclass(frozen=True)
class ClientSettings:
    """Everything that a client needs to know.

    :param api_key: secret; left out of ``repr``.
    :param base_url: as :func:`normalise_base_url` returns it.
    :param timeout: seconds to wait for the answer to one request.
    :param max_requests_per_second: budget for all requests of one client; None for no limit. PixVerse
        publishes no figure; its own client holds itself to 1.
    """

    api_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    timeout: float = DEFAULT_TIMEOUT
    max_requests_per_second: float | None = None

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


def normalise_base_url(value: str | None, where: str) -> str:
    """Return the base URL without a trailing slash; the path of the API is added to a bare origin.

    :param value: as a user wrote it; empty for the international API.
    :param where: what to name in the message, as in ``"connection 'pixverse_default'"``.
    :raises PixVerseConfigurationError: where it is no http(s) URL, or plain http to another machine, since
        the key would travel in plain text.
    """
    text = (value or "").strip()
    if not text:
        return DEFAULT_BASE_URL
    parts = _web_address(text)
    if parts is None:
        raise PixVerseConfigurationError(
            f"The Base URL (host) of {where} must be a URL such as {DEFAULT_BASE_URL}, "
            f"not {_without_userinfo(text)!r}."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise PixVerseConfigurationError(
            f"The Base URL (host) of {where} must hold neither a user name nor a query: "
            "the API key belongs into the password."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise PixVerseConfigurationError(
            f"The Base URL (host) of {where} is http://{parts.hostname}: the API key would travel in plain "
            "text. "
            "Use https:// (plain http is for an emulator on localhost only)."
        )
    path = parts.path.rstrip("/") or API_PATH
    return f"{parts.scheme}://{parts.netloc}{path}"


def _web_address(text: str) -> SplitResult | None:
    """Return the parts of an http(s) URL, or None for anything else."""
    try:
        parts = urlsplit(text)
        port = parts.port  # raises for one that is no port
    except ValueError:
        return None
    usable = parts.scheme in ("http", "https") and parts.hostname and port != 0
    return parts if usable else None


def _without_userinfo(text: str) -> str:
    return text.rpartition("@")[2]
