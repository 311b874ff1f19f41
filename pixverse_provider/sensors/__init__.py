"""Airflow sensors for PixVerse."""

from __future__ import annotations
