"""Airflow operators for PixVerse."""

from __future__ import annotations
