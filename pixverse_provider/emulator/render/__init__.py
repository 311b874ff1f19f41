"""Renders the results: real MP4 files, drawn and spoken by arithmetic."""

from __future__ import annotations
