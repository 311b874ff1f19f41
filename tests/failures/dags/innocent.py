"""A wait that has nothing to do with PixVerse, in the same triggerer."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import DAG

with DAG("innocent", schedule=None, max_active_runs=64):
    TimeDeltaSensor(task_id="lip_sync", delta=timedelta(seconds=20), deferrable=True)
