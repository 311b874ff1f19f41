"""Stores for the tests of operators."""

from __future__ import annotations

from tests.support.stores import _s3_server, s3_store

__all__ = ["_s3_server", "s3_store"]
