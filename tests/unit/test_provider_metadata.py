"""What Airflow reads of the provider, and the conventions that its users rely on."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.providers.common.compat.sdk import BaseHook, BaseOperator, BaseSensorOperator, Connection
from airflow.triggers.base import BaseTrigger

import pixverse_provider
from pixverse_provider.exceptions import PixVerseConfigurationError
from pixverse_provider.get_provider_info import get_provider_info
from pixverse_provider.hooks.connection import settings_from_connection, warnings_about
from pixverse_provider.hooks.pixverse import PixVerseHook

INFO = get_provider_info()
BASES = {"hooks": BaseHook, "operators": BaseOperator, "sensors": BaseSensorOperator, "triggers": BaseTrigger}


def public_modules(package: str) -> list[str]:
    found = pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}.")
    return [module.name for module in found if not module.name.rpartition(".")[2].startswith("_")]


def listed_modules(kind: str) -> list[str]:
    return [name for entry in INFO[kind] for name in entry["python-modules"]]


def classes_of(module_name: str, base: type) -> list[type]:
    module = importlib.import_module(module_name)
    return [
        value
        for _, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, base) and value.__module__ == module_name and not value.__name__.startswith("_")
    ]


OPERATORS: list[Any] = [
    cls
    for kind in ("operators", "sensors")
    for name in listed_modules(kind)
    for cls in classes_of(name, BaseOperator)
]


class TestMetadata:
    def test_airflow_finds_it_under_its_entry_point(self) -> None:
        (entry_point,) = [
            point
            for point in entry_points(group="apache_airflow_provider")
            if point.value.startswith("pixverse_provider.")
        ]
        assert entry_point.load()() == INFO
        assert entry_point.dist is not None
        assert entry_point.dist.name == INFO["package-name"]
        assert entry_point.dist.version == pixverse_provider.__version__ == INFO["versions"][0]

    def test_it_is_valid_for_the_installed_airflow(self) -> None:
        path = Path(airflow.__path__[0]) / "provider_info.schema.json"
        jsonschema.validate(INFO, json.loads(path.read_text(encoding="utf-8")))

    def test_no_key_is_one_that_airflow_would_silently_ignore(self) -> None:
        path = Path(airflow.__path__[0]) / "provider_info.schema.json"
        known = json.loads(path.read_text(encoding="utf-8"))["properties"].keys()
        assert INFO.keys() - known <= {
            "versions",
            "integrations",
            "hooks",
            "operators",
            "sensors",
            "triggers",
        }

    @pytest.mark.parametrize("kind", BASES)
    def test_every_listed_module_holds_what_it_is_listed_for(self, kind: str) -> None:
        for name in listed_modules(kind):
            assert classes_of(name, BASES[kind]), name

    @pytest.mark.parametrize("kind", BASES)
    def test_every_public_module_is_listed(self, kind: str) -> None:
        holding = [
            name for name in public_modules(f"pixverse_provider.{kind}") if classes_of(name, BASES[kind])
        ]
        assert sorted(listed_modules(kind)) == sorted(holding)

    def test_every_list_belongs_to_a_known_integration(self) -> None:
        known = {entry["integration-name"] for entry in INFO["integrations"]}
        assert {entry["integration-name"] for kind in BASES for entry in INFO[kind]} <= known

    def test_the_links_are_those_that_the_operators_have(self) -> None:
        links = {
            f"{type(link).__module__}.{type(link).__qualname__}"
            for operator in OPERATORS
            for link in operator.operator_extra_links
        }
        assert set(INFO.get("extra-links", [])) == links


class TestTheConnectionForm:
    (FORM,) = INFO["connection-types"]

    def test_it_leads_to_the_hook(self) -> None:
        module, _, name = self.FORM["hook-class-name"].rpartition(".")
        assert getattr(importlib.import_module(module), name) is PixVerseHook
        assert self.FORM["connection-type"] == PixVerseHook.conn_type
        assert self.FORM["hook-name"] == PixVerseHook.hook_name

    def test_old_and_new_airflow_show_the_same_form(self) -> None:
        form = {key.replace("-", "_"): value for key, value in self.FORM["ui-field-behaviour"].items()}
        assert PixVerseHook.get_ui_field_behaviour() == form

    def test_the_key_has_the_field_that_airflow_masks(self) -> None:
        assert self.FORM["ui-field-behaviour"]["relabeling"]["password"] == "API Key"
        assert "password" not in self.FORM["ui-field-behaviour"]["hidden-fields"]

    def test_the_extras_of_the_form_are_those_that_the_hook_reads(self) -> None:
        fields = set(self.FORM["conn-fields"])
        connection = connection_with(dict.fromkeys(fields, 5) | {"another": 5})
        settings = settings_from_connection(connection)
        (warning,) = warnings_about(connection, settings)
        assert "has 'another', which is left aside" in warning
        assert fields == {"timeout", "max_requests_per_second"}
        assert (settings.timeout, settings.max_requests_per_second) == (5.0, 5.0)

    @pytest.mark.parametrize("name", FORM["conn-fields"])
    def test_a_field_takes_what_the_hook_takes_and_can_be_left_empty(self, name: str) -> None:
        schema = self.FORM["conn-fields"][name]["schema"]
        lowest, highest = schema["minimum"], schema["maximum"]
        for value in (None, 1.5, lowest, highest):
            jsonschema.validate(value, schema)
            settings = settings_from_connection(connection_with({name: value}))
            assert value is None or getattr(settings, name) == value
        for refused in (0, -1, "often", lowest * 0.99, highest * 1.01):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(refused, schema)
            with pytest.raises(PixVerseConfigurationError, match=f"{name}.* from {lowest} to {highest}"):
                settings_from_connection(connection_with({name: refused}))

    @pytest.mark.parametrize("name", FORM["conn-fields"])
    def test_a_field_says_its_range(self, name: str) -> None:
        field = self.FORM["conn-fields"][name]
        assert f"from {field['schema']['minimum']} to {field['schema']['maximum']}." in field["description"]


def connection_with(extra: Any) -> Connection:
    return Connection(conn_id="c", conn_type="pixverse", password="key", extra=extra)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda cls: cls.__name__)
class TestEveryOperatorAndSensor:
    def test_it_takes_keyword_arguments_only(self, operator: Any) -> None:
        parameters = list(inspect.signature(own_init(operator)).parameters.values())[1:]
        assert {parameter.kind for parameter in parameters} <= {
            inspect.Parameter.KEYWORD_ONLY,
            inspect.Parameter.VAR_KEYWORD,
        }

    def test_its_connection_can_be_templated_and_has_the_usual_default(self, operator: Any) -> None:
        assert "pixverse_conn_id" in operator.template_fields
        assert all_parameters(operator)["pixverse_conn_id"].default == "pixverse_default"

    def test_what_is_templated_is_an_argument_and_an_attribute(self, operator: Any) -> None:
        assert len(set(operator.template_fields)) == len(operator.template_fields)
        assert set(operator.template_fields) <= all_parameters(operator).keys()
        assert set(operator.template_fields) <= assigned_attributes(operator)

    def test_what_is_templated_is_said_so(self, operator: Any) -> None:
        text = "\n".join(inspect.getdoc(cls) or "" for cls in of_the_provider(operator))
        for name in operator.template_fields:
            _, _, described = text.partition(f":param {name}:")
            assert "(templated)" in described.partition(":param")[0], name

    def test_a_templated_value_is_kept_as_it_is_given(self, operator: Any) -> None:
        for cls in of_the_provider(operator):
            for name, value in assignments(cls):
                if name in operator.template_fields:
                    as_given = rf"{name}|cast\('[^']+', {name}\)|cast\('Place', keepable\(self\.{name}\)\)"
                    assert re.fullmatch(as_given, value)

    def test_it_is_documented_with_every_argument(self, operator: Any) -> None:
        parameters = inspect.signature(own_init(operator)).parameters.keys() - {"self", "kwargs"}
        text = inspect.getdoc(operator) or ""
        own = vars(operator).get("__init__")
        if own is not None:
            assert [
                name for name in parameters if f":param {name}:" not in text and name not in BASE_ONLY
            ] == []


@pytest.mark.parametrize("configured", [True, False])
def test_whether_they_defer_is_up_to_the_configuration(configured: bool) -> None:
    script = (
        "import json\n"
        "from tests.unit.test_provider_metadata import OPERATORS, all_parameters\n"
        "found = {cls.__name__: all_parameters(cls).get('deferrable') for cls in OPERATORS}\n"
        "print(json.dumps({name: given.default for name, given in found.items() if given is not None}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": str(configured)},
    )
    defaults = json.loads(run.stdout.splitlines()[-1])
    can_defer = {cls.__name__ for cls in OPERATORS if "deferrable" in all_parameters(cls)}
    assert {"PixVerseLipSyncOperator", "PixVerseVideoSensor", "PixVerseCreditSensor"} <= can_defer
    assert defaults == dict.fromkeys(can_defer, configured)


# Arguments of Airflow itself whose meaning a class repeats only where it differs.
BASE_ONLY = {"pixverse_conn_id"}


def own_init(cls: Any) -> Any:
    return inspect.unwrap(cls.__init__)


def of_the_provider(operator: Any) -> list[Any]:
    return [cls for cls in operator.__mro__ if cls.__module__.startswith("pixverse_provider")]


def all_parameters(operator: Any) -> dict[str, inspect.Parameter]:
    """Return the arguments of a class and of those classes of the provider that it hands the rest to."""
    found: dict[str, inspect.Parameter] = {}
    for cls in of_the_provider(operator):
        if "__init__" in vars(cls):
            found = dict(inspect.signature(own_init(cls)).parameters) | found
    return found


def assigned_attributes(operator: Any) -> set[str]:
    return {name for cls in of_the_provider(operator) for name, _ in assignments(cls)}


def assignments(cls: type) -> list[tuple[str, str]]:
    """Return what the methods of a class put into attributes of ``self``."""
    return [
        (target.attr, ast.unparse(node.value))
        for node in ast.walk(ast.parse(inspect.getsource(cls)))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
    ]
