"""Who may reach the emulator: requests that were meant for it, by its own name, from its own pages."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

_NO_PART_OF_A_NAME: Final = frozenset("@/?#*\\ \t\r\n%")


class InvalidHostError(ValueError):
    """A name that no request could carry."""


def host_names(names: Iterable[str]) -> frozenset[str]:
    """Return the names under which the emulator may be called.

    :raises InvalidHostError: for one that is no plain host name or address.
    """
    found = set()
    for name in names:
        address = _address(name)
        bracketed = f"[{name}]" if address is not None and address.version == 6 else name
        if _host_of(bracketed) is None or urlsplit(f"//{bracketed}").port is not None:
            raise InvalidHostError(
                f"{name!r} is no host name: give one as in http://NAME:8484/, without a port"
            )
        found.add(name.lower() if address is None else str(address))
    return frozenset(found)


class Admission:
    """Serves only requests whose ``Host`` is this machine or a given name, and whose ``Origin`` is their own.

    A page of the internet could otherwise reach in through the browser of somebody who runs the emulator: its
    name may resolve to 127.0.0.1, or its script may send a request that needs no answer.

    :param app: what serves them.
    :param allowed: further names and addresses, as :func:`host_names` returns them.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it with HTTP 403 and the reason."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(headers.getlist("host"), headers.getlist("origin"))
        if refusal is None:
            await self._app(scope, receive, send)
            return
        await PlainTextResponse(f"{refusal}\n", status_code=403)(scope, receive, send)

    def _refusal(self, hosts: list[str], origins: list[str]) -> str | None:
        host = _host_of(hosts[0]) if len(hosts) == 1 else None
        if host is None or not (_is_this_machine(host) or host in self._allowed):
            return (
                "This emulator is not called by that name. To reach it from another machine or container, "
                "start it with --allow-host and the host of that URL."
            )
        if any(urlsplit(origin).netloc.lower() != hosts[0].lower() for origin in origins):
            return "This emulator takes no requests from pages of other sites."
        return None


def _host_of(header: str) -> str | None:
    """Return the host of a ``Host`` header in one spelling, or None where it is none."""
    if not header or _NO_PART_OF_A_NAME & set(header):
        return None
    try:
        parts = urlsplit(f"//{header}")
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        return None
    address = _address(parts.hostname or "")
    return parts.hostname if address is None else str(address)


def _is_this_machine(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
