#!/bin/sh
# Makes a virtual environment and installs the project into it: bootstrap.sh VENV CONSTRAINTS EXTRA
# Plain sh, since it has to tell the owner of a Python that is too old what to do.
set -eu

venv=$1
constraints=$2
extra=$3
python=${PYTHON:-python3}

fail() {
    echo "$1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "Python 3.11 or newer is needed, and there is no $python: install one, or name it with make PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed, and $python is $("$python" --version 2>&1): name another with make PYTHON=python3.12"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python cannot make virtual environments: install its venv package (Debian and Ubuntu: apt install python3-venv)."

started=$(date +%s)
echo "Installing $(grep '^apache-airflow==' "$constraints") and this project into $venv ..."

# An environment whose interpreter has gone, or that stopped half-way, is made anew.
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$constraints" uv

# Compiled once here, or each of Airflow's processes would compile its imports at every start. The system's
# certificates, as for pip: a company's proxy may have one of its own.
UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 "$venv/bin/python" -m uv pip install --quiet \
    --python "$venv/bin/python" --constraint "$constraints" --editable ".[$extra]"

echo "Installed in $(($(date +%s) - started)) s."
