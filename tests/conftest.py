"""An Airflow of its own for the tests: set up before anything imports Airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_HOME = tempfile.mkdtemp(prefix="pixverse-tests-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

# A setting of the shell about another Airflow must not reach the tests.
for _name in [
    name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_CONFIG"))
]:
    del os.environ[_name]

os.environ |= {
    "AIRFLOW_HOME": _HOME,
    "AIRFLOW__CORE__DAGS_FOLDER": f"{_HOME}/dags",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME}/airflow.db",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": f"{_HOME}/logs",
}
os.makedirs(f"{_HOME}/dags", exist_ok=True)  # noqa: PTH103 - nothing heavy before the settings stand
