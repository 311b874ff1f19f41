"""Whether the pages are there: the app is made in the API server only, and says why where it cannot be."""

from __future__ import annotations

import importlib
import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

__all__ = ["APP", "LazyApp"]

log = logging.getLogger(__name__)


class LazyApp:
    """The pages, made at the first request.

    Airflow imports its plugins in every process, and most of them have no use for a web app. And a plugin
    that cannot be imported disappears without a word for its users.
    """

    def __init__(self) -> None:
        self._app: Any = None
        self._problem: str | None = None
        self._lock = threading.Lock()

    def make(self) -> Any:
        """Return the app, or None where this Airflow lacks what it needs; that is logged once."""
        with self._lock:
            if self._app is None and self._problem is None:
                try:
                    self._app = importlib.import_module("pixverse_provider.plugin.app").build_app()
                except Exception as err:  # whatever a name is missing with, nothing else depends on the pages
                    self._problem = (
                        "The PixVerse pages are not available on this Airflow; all else works: "
                        f"{type(err).__name__}: {err}"
                    )
                    log.exception("%s", self._problem)
        return self._app

    @property
    def problem(self) -> str | None:
        """Why there are no pages, in a sentence; None where there are."""
        self.make()
        return self._problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say that there is no app for it."""
        app = self.make()
        if app is not None:
            await app(scope, receive, send)
        elif scope["type"] == "http":
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            body = b"The PixVerse pages are not available on this Airflow; the API server's log says why."
            await send({"type": "http.response.body", "body": body})


APP = LazyApp()
"""The one app of a process."""
