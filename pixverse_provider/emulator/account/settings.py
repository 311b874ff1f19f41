"""What can be set, at the start and while the emulator runs."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

DEFAULT_API_KEY: Final = "pixverse-emulator-key"

RENDER_MODES: Final = ("full", "small", "placeholder")


class InvalidSettingError(ValueError):
    """A setting that does not exist, or a value that it cannot take."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the emulated account and service behave.

    :param api_key: the only key that is accepted. It cannot be read or changed over HTTP.
    :param generation_seconds: how long a job stays at status 5; 0 means done at once.
    :param concurrency: jobs at once before ``500044``.
    :param credits: the balance at the start; setting it later sets the balance.
    :param credits_in_answers: whether answers carry ``credits`` and ``has_audio``, as newer deployments do.
    :param huge_ids: whether every new id is above 2^63.
    :param repeat_refusals: whether a repeated ``Ai-Trace-Id`` gets an earlier refusal again; otherwise only
        an accepted submit is remembered.
    :param wrong_key_status: 200 answers a wrong key with the envelope ``400012``; 401 or 403 answer it bare.
    :param media_lifetime: seconds that the URL of a result is good for.
    :param render: ``full`` draws up to 1280 px, ``small`` up to 256 px for fast tests, ``placeholder`` gives
        every job of the same length the same tiny clip, for load tests.
    :param max_media_seconds: longest video or audio that an upload may have. The documents say 30 and 60.
    :param max_media_bytes: largest video or audio. The documents say 50 MB and 100 MB.
    """

    api_key: str = field(default=DEFAULT_API_KEY, repr=False)
    generation_seconds: float = 10.0
    concurrency: int = 5
    credits: int = 10_000
    credits_in_answers: bool = True
    huge_ids: bool = False
    repeat_refusals: bool = True
    wrong_key_status: int = 200
    media_lifetime: float = 86_400.0
    render: str = "full"
    max_media_seconds: float = 60.0
    max_media_bytes: int = 100 * 1024 * 1024

    def __post_init__(self) -> None:
        if not self.api_key:
            raise InvalidSettingError("api_key must not be empty")
        for name in (
            "generation_seconds",
            "media_lifetime",
            "max_media_seconds",
            "credits",
            "max_media_bytes",
        ):
            if getattr(self, name) < 0:
                raise InvalidSettingError(f"{name} must not be negative")
        if self.concurrency < 1:
            raise InvalidSettingError("concurrency must be at least 1")
        if self.wrong_key_status not in (200, 401, 403):
            raise InvalidSettingError("wrong_key_status must be 200, 401 or 403")
        if self.render not in RENDER_MODES:
            raise InvalidSettingError(f"render must be one of {', '.join(RENDER_MODES)}")

    def changed(self, changes: dict[str, Any]) -> Settings:
        """Return these settings with ``changes`` applied.

        :raises InvalidSettingError: for an unknown name, a value of the wrong type or out of range.
        """
        checked: dict[str, Any] = {}
        for name, value in changes.items():
            present = self.public().get(name)
            if present is None:
                known = ", ".join(sorted(self.public()))
                raise InvalidSettingError(f"there is no setting {name!r}; there are {known}")
            checked[name] = _as_type_of(name, present, value)
        return replace(self, **checked)

    def public(self) -> dict[str, Any]:
        """Return all settings but the key."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "api_key"}


def _as_type_of(name: str, present: Any, value: Any) -> Any:
    if isinstance(present, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(present):
        raise InvalidSettingError(f"{name} takes a {type(present).__name__}, not a {type(value).__name__}")
    return value
