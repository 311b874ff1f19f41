"""How long a body may take: as long as it likes, while it moves."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any

__all__ = ["PatientConnection", "PatientPool", "SendStalledError"]

# Bytes that the system may take before it can send them. It would take megabytes. On a slow line these are
# still on their way when the time to answer has begun, and until then it takes nothing more for a long time.
_MOST_UNSENT = 1 << 17


class SendStalledError(Exception):
    """Nothing more of a request could be sent for as long as the read timeout says."""


class PatientConnection:
    """Mixed into a connection of ``urllib3``: gives up on a body when nothing of it can be sent any more.

    Else the time to connect would bound each block of a body, which is far too short for a host that stores
    what it receives, and Python would bound the block as a whole, however well it moves.

    :ivar stall_timeout: seconds to wait until more can be sent.
    """

    stall_timeout: float | None = None
    sock: Any
    _in_body = False

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        """Connect, where that is to be done, and send the headers under the time to connect."""
        self._in_body = False
        super().endheaders(*args, **kwargs)  # type: ignore[misc]
        self.sock.settimeout(self.stall_timeout)
        # Not every system has the option, and TLS within TLS no way to it.
        with contextlib.suppress(AttributeError, OSError):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_UNSENT)
        self._in_body = True

    def send(self, data: Any) -> None:
        """Send all of the data.

        :raises SendStalledError: where the other side takes no more of it.
        """
        if not self._in_body or not isinstance(data, bytes):
            super().send(data)  # type: ignore[misc]
            return
        left = memoryview(data)
        try:
            while left:
                left = left[self.sock.send(left) :]
        except TimeoutError as err:
            raise SendStalledError(f"nothing could be sent for {self.stall_timeout:g} s") from err
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as err:
            # The other side has closed the connection, as after an answer that a file is too large. The pool
            # reads one after a broken pipe, which is what this is without TLS.
            raise BrokenPipeError from err


class PatientPool:
    """Mixed into a pool of ``urllib3``: its read timeout is also how long a body may stand still."""

    def _make_request(self, conn: Any, *args: Any, **kwargs: Any) -> Any:
        conn.stall_timeout = kwargs["timeout"].read_timeout
        return super()._make_request(conn, *args, **kwargs)  # type: ignore[misc]
