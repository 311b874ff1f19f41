#!/bin/sh
# Resolves, without installing, what users put beside this project: check_install.sh PYTHON
# It asks the package index, so it is not part of the tests.
set -eu

python=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m uv build --quiet --wheel --out-dir "$work"
wheel=$(echo "$work"/*.whl)
failed=0

# resolves NAME CONSTRAINTS REQUIREMENT...: from the wheel and the requirements; CONSTRAINTS may be /dev/null.
resolves() {
    name=$1
    constraints=$2
    shift 2
    if printf '%s\n' "airflow-provider-pixverse @ file://$wheel" "$@" |
        "$python" -m uv pip compile --quiet --universal --python-version 3.11 --constraint "$constraints" - \
            >"$work/resolved" 2>"$work/errors"; then
        echo "resolves: $name"
    else
        echo "DOES NOT RESOLVE: $name" >&2
        cat "$work/errors" >&2
        failed=1
    fi
}

# What the constraints of a stable Airflow hold; those of the oldest are as old as it is.
resolves "with the common-compat of Airflow 3.3.2's constraints" /dev/null \
    apache-airflow==3.3.2 apache-airflow-providers-common-compat==1.19.0
resolves "with the common-compat of Airflow 3.1.8's constraints" /dev/null \
    apache-airflow==3.1.8 apache-airflow-providers-common-compat==1.14.0
for version in 3.1.8 3.3.2; do
    for provider in 'amazon>=9' 'google>=20'; do
        resolves "with our pins for Airflow $version and ${provider%%>*}" "constraints/airflow-$version.txt" \
            "apache-airflow==$version" "apache-airflow-providers-$provider"
    done
done
exit "$failed"
