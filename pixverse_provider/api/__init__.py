"""What the PixVerse API says: requests, answers, errors and prices; no hook and no operator in here."""

from __future__ import annotations
