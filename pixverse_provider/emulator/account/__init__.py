"""The emulated account: its jobs, ledger, uploads, masks, clock and settings."""

from __future__ import annotations
