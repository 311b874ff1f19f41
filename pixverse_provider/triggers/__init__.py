"""Airflow triggers for PixVerse."""

from __future__ import annotations
