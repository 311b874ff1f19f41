"""What Airflow finds by the entry point ``airflow.plugins``: the app, and where the UI links to it."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlsplit

from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import AirflowPlugin, conf
from packaging.version import Version

from pixverse_provider.links import PLUGIN_PREFIX
from pixverse_provider.plugin.state import APP

__all__ = ["PixVersePlugin"]

_NAME = "PixVerse videos"
# On these the tab shows, where an Airflow can tell (3.4); below, it would show on every task of every DAG.
_OPERATORS = (
    "PixVerseTextToVideoOperator",
    "PixVerseImageToVideoOperator",
    "PixVerseTemplateVideoOperator",
    "PixVerseTransitionOperator",
    "PixVerseMultiTransitionOperator",
    "PixVerseFusionOperator",
    "PixVerseRestyleOperator",
    "PixVerseSwapOperator",
    "PixVerseSoundEffectOperator",
    "PixVerseExtendOperator",
    "PixVerseMimicOperator",
    "PixVerseModifyOperator",
    "PixVerseImageTemplateOperator",
    "PixVerseLipSyncOperator",
    "PixVerseDownloadVideoOperator",
    "PixVerseVideoSensor",
)


_TASK_PATH = "dags/{DAG_ID}/runs/{RUN_ID}/tasks/{TASK_ID}/mapped/{MAP_INDEX}"


def _views() -> list[dict[str, Any]]:
    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + f"/{PLUGIN_PREFIX}"
    icon = f"{base}/assets/icon/icon.svg"
    # Without url_route it is a plain link: an iframe has no full screen and may open no links.
    views: list[dict[str, Any]] = [
        {"name": _NAME, "href": f"{base}/", "destination": "nav", "category": "browse", "icon": icon}
    ]
    if Version(airflow_version).release >= (3, 4):
        views.append(
            {
                "name": "PixVerse video",
                "href": f"{base}/{_TASK_PATH}?small=1",
                "destination": "task_instance",
                "url_route": "pixverse-video",
                "applies_to": {"task.operator_name": list(_OPERATORS)},
                "icon": icon,
            }
        )
    return views


class PixVersePlugin(AirflowPlugin):
    """The pages in Airflow; nothing else of the provider depends on it."""

    name = "pixverse"
    fastapi_apps = [{"app": APP, "url_prefix": f"/{PLUGIN_PREFIX}", "name": _NAME}]  # noqa: RUF012 - as Airflow has it
    external_views = _views()

    @classmethod
    def on_load(cls, *_args: Any, **_kwargs: Any) -> None:
        """Make the pages at once where there is an API server, so that its log says what is missing."""
        if "airflow.api_fastapi.app" in sys.modules and "airflow.api_fastapi.core_api.app" in sys.modules:
            APP.make()

    @classmethod
    def problem(cls) -> str | None:
        """Return why there are no pages; None where there are."""
        return APP.problem
