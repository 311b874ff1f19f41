"""What can be set, at the start and while the emulator runs."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from pixverse_provider.emulator.protocol import LONGEST

DEFAULT_API_KEY: Final = "pixverse-emulator-key"
# What a key begins with that may travel by plain http, since it opens nothing.
EXPOSED_KEY_PREFIX: Final = "pixverse-emulator"

RENDER_MODES: Final = ("full", "small", "placeholder")

_MOST: Final = 10**15
_RANGES: Final = {
    "generation_seconds": (0, LONGEST),
    "media_lifetime": (0, LONGEST),
    "max_media_seconds": (0, LONGEST),
    "concurrency": (1, _MOST),
    "credits": (0, _MOST),
    "max_media_bytes": (0, _MOST),
}
_CHOICES: Final[dict[str, tuple[Any, ...]]] = {"wrong_key_status": (200, 401, 403), "render": RENDER_MODES}
"""What is in neither is a switch."""


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
        # Where it comes from, no type is checked. It is shown nowhere, so not in a refusal either.
        key: Any = self.api_key
        if not isinstance(key, str) or not key:
            raise InvalidSettingError("api_key takes a text that is not empty")
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name != "api_key" and not _fits(item.name, item.default, value):
                takes = _what_it_takes(item.name, item.default)
                raise InvalidSettingError(f"{item.name} takes {takes}, not {value!r}")

    def changed(self, changes: dict[str, Any]) -> Settings:
        """Return these settings with ``changes`` applied.

        :raises InvalidSettingError: for an unknown name, a value of the wrong type or out of range.
        """
        known = self.public()
        for name in changes:
            if name not in known:
                raise InvalidSettingError(
                    f"there is no setting {name!r}; there are {', '.join(sorted(known))}"
                )
        return replace(self, **changes)

    def public(self) -> dict[str, Any]:
        """Return all settings but the key."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "api_key"}


def _fits(name: str, default: Any, value: Any) -> bool:
    if name in _CHOICES:
        return type(value) is type(default) and value in _CHOICES[name]
    if name in _RANGES:
        least, most = _RANGES[name]
        whole = type(value) is int
        return (whole or (isinstance(default, float) and type(value) is float)) and least <= value <= most
    return isinstance(value, bool)


def _what_it_takes(name: str, default: Any) -> str:
    if name in _CHOICES:
        *others, last = _CHOICES[name]
        return f"{', '.join(map(str, others))} or {last}"
    if name in _RANGES:
        least, most = _RANGES[name]
        return f"a {'number' if isinstance(default, float) else 'whole number'} from {least} to {most}"
    return "true or false"
