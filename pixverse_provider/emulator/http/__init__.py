"""The emulated API over HTTP: routes, and what every request goes through."""

from __future__ import annotations
