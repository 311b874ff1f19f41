"""The contract of the PixVerse API as the tests read it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE = Path(__file__).parents[1] / "contract" / "pixverse-openapi.yaml"
_METHODS = ("get", "post", "delete")


@dataclass(frozen=True)
class Example:
    """One documented answer: of which call, under which HTTP status, and its body."""

    method: str
    path: str
    status: int
    name: str
    body: dict[str, Any]

    @property
    def code(self) -> int:
        code: int = self.body["ErrCode"] if "ErrCode" in self.body else self.body["err_code"]
        return code

    @property
    def resp(self) -> Any:
        return self.body.get("Resp")

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status} {self.name}"


@cache
def contract() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return data


@cache
def documented_answers() -> tuple[Example, ...]:
    """Return every example of an answer in the contract; what stands for "any status" gets HTTP 200."""
    return tuple(
        Example(method, path, int(status) if status.isdigit() else 200, name, body)
        for path, operations in contract()["paths"].items()
        for method in _METHODS
        if method in operations
        for status, response in operations[method]["responses"].items()
        for name, body in _examples(resolved(response))
    )


def documented_error_codes() -> list[dict[str, Any]]:
    codes: list[dict[str, Any]] = contract()["components"]["schemas"]["ErrCode"]["x-error-codes"]
    return codes


def answer_named(path: str, name: str) -> Any:
    """Return the ``Resp`` of one documented success."""
    return next(e.resp for e in documented_answers() if e.path == path and e.name == name)


def _examples(response: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for media in response.get("content", {}).values():
        for name, example in media.get("examples", {}).items():
            yield name, resolved(example)["value"]


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    if reference is None:
        return node
    target: Any = contract()
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return resolved(target)
