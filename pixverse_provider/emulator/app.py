"""Puts the routes together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from pixverse_provider.emulator.api import BASE_PATH, api_router
from pixverse_provider.emulator.control import control_router
from pixverse_provider.emulator.media_api import media_router
from pixverse_provider.emulator.pages import page_router

if TYPE_CHECKING:
    from pixverse_provider.emulator.connections import Connections
    from pixverse_provider.emulator.state import Emulator


def create_app(emulator: Emulator, connections: Connections) -> FastAPI:
    """Return the application: API, media host, control API and pages on one port."""
    app = FastAPI(title="PixVerse emulator", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(control_router(emulator), prefix="/emulator")
    app.include_router(media_router(emulator, connections))
    app.include_router(api_router(emulator, connections), prefix=BASE_PATH)
    app.include_router(page_router(emulator))
    return app
