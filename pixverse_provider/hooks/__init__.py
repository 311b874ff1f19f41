"""Airflow hooks for PixVerse."""

from __future__ import annotations
