"""Read the emulator's ledger, the judge of what was paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixverse_provider.emulator.client import EmulatorControl


def submits(emulator: EmulatorControl, kind: str = "lip_sync") -> list[dict[str, Any]]:
    """Return what was submitted of one kind, in order, one record for each trace id."""
    records = emulator.ledger()["submits"].values()
    return [dict(record) for record in records if f"/{kind}/" in record["path"]]


def paid_jobs(emulator: EmulatorControl, kind: str = "lip_sync") -> int:
    """Return how many jobs of one kind were charged, refunded ones included."""
    return sum(record["charged"] > 0 for record in submits(emulator, kind))


def refunded_jobs(emulator: EmulatorControl, kind: str = "lip_sync") -> int:
    """Return how many jobs of one kind were refunded."""
    return sum(record["refunded"] > 0 for record in submits(emulator, kind))


def charged(emulator: EmulatorControl) -> int:
    """Return all credits that were charged, whether or not they were refunded."""
    return int(emulator.ledger()["charged"])


def polls(emulator: EmulatorControl) -> int:
    """Return how often a result was asked for."""
    return sum(request["kind"] == "result" for request in emulator.requests())
