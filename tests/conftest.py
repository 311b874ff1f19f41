"""What all tests stand on: an Airflow of their own, set up before anything imports Airflow; fixed draws."""

from __future__ import annotations

import atexit
import os
import random
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

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

# What a test draws follows from the test itself, so that it passes or fails alike on every run and on every
# machine, however slow. The parent is named, since hypothesis has another default where CI is set.
settings.register_profile(
    "same_every_time",
    parent=settings.get_profile("default"),
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    # Mutation testing runs a test more than once in a process.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
# `make fuzz`: other values on every run, and many more of them; a seed brings them back.
settings.register_profile(
    "fuzz",
    parent=settings.get_profile("same_every_time"),
    derandomize=False,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "1000")),
)
# Else it would draw constants that it finds in the modules that other tests have loaded by then.
providers._get_local_constants = Constants
# `--hypothesis-profile` is read later and so has the last word.
settings.load_profile("same_every_time")


@pytest.fixture(autouse=True)
def _same_jitter_every_time(request: pytest.FixtureRequest) -> None:
    random.seed(request.node.nodeid)
