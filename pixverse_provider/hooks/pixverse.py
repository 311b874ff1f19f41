"""The hook: from an Airflow connection to a PixVerse client, and the calls that users make."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import sys
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from pixverse_provider.api.calls import (
    RESTYLE_PAGE_SIZE,
    balance_call,
    image_call,
    image_from_url_call,
    media_from_url_call,
    restyle_effects_call,
    result_call,
    video_call,
    voices_call,
)
from pixverse_provider.api.fields import read_conn_id
from pixverse_provider.api.ids import Id, plain_text, required_id, shown
from pixverse_provider.api.media import IMAGE, MEDIA, check_web_address
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseConnectionNotFoundError,
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVerseSourceError,
    PixVerseTransientError,
)
from pixverse_provider.hooks.connection import CONN_TYPE, GOES_ON, settings_from_connection, warnings_about

if TYPE_CHECKING:
    import os

    from airflow.providers.common.compat.sdk import Connection, ObjectStoragePath

    from pixverse_provider.api.async_client import AsyncPixVerseClient
    from pixverse_provider.api.client import PixVerseClient, UploadSource
    from pixverse_provider.api.generations import GenerationRequest, MaskSelectionRequest
    from pixverse_provider.api.media import UploadKind
    from pixverse_provider.api.protocol import Call
    from pixverse_provider.api.results import (
        Balance,
        Image,
        ImageResult,
        JobResult,
        MaskSelection,
        Media,
        MediaType,
        RestyleEffect,
        Submission,
        Video,
        Voice,
    )
    from pixverse_provider.api.settings import ClientSettings

    Source = UploadSource | str | os.PathLike[str] | os.PathLike[bytes] | ObjectStoragePath

__all__ = ["PixVerseHook"]

T = TypeVar("T")

# The person who presses "Test" waits for the answer.
_TEST_TIMEOUT = 10.0
# What was said about connections in this process, so that it is said once.
_said: set[str] = set()


class PixVerseHook(BaseHook):
    """Talk to the PixVerse Platform API with the API key of an Airflow connection.

    Making a hook looks up no connection and opens none; the first call does. Close it, or use it in a
    ``with`` statement, to give its connections back.

    .. seealso:: ``docs/connection.md`` for the fields of the connection.

    :param pixverse_conn_id: connection of type ``pixverse``: API key in the password, base URL in the host
        (default: the international API).
    :param polls_paid_job: for a task that holds the record of a job that is paid: its polls go on with a
        connection that is of another type by now, which every other call refuses.
    """

    conn_name_attr = "pixverse_conn_id"
    default_conn_name = "pixverse_default"
    conn_type = CONN_TYPE
    hook_name = "PixVerse"

    def __init__(
        self, pixverse_conn_id: str = default_conn_name, *, polls_paid_job: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.pixverse_conn_id = pixverse_conn_id
        self._polls_paid_job = polls_paid_job
        self._client: PixVerseClient | None = None
        self._client_settings: ClientSettings | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the form of the connection for Airflow 3.1; from 3.2 on it is read from the metadata."""
        from pixverse_provider.get_provider_info import UI_FIELD_BEHAVIOUR

        return {
            "hidden_fields": UI_FIELD_BEHAVIOUR["hidden-fields"],
            "relabeling": UI_FIELD_BEHAVIOUR["relabeling"],
            "placeholders": UI_FIELD_BEHAVIOUR["placeholders"],
        }

    def get_conn(self) -> PixVerseClient:
        """Return the synchronous client of this hook, made at the first call.

        :raises PixVerseConnectionNotFoundError: where the connection is missing.
        :raises PixVerseConfigurationError: where it is of another type or cannot be used.
        """
        if self._client is None or self._client_settings is None or self._client_settings.refusal:
            settings = self._settings().checked()
            self.close()
            return self._connect(settings)
        return self._client

    def _connect(self, settings: ClientSettings) -> PixVerseClient:
        from pixverse_provider.api.client import PixVerseClient

        self._client, self._client_settings = PixVerseClient(settings), settings
        return self._client

    async def get_async_conn(self) -> AsyncPixVerseClient:
        """Return a new asynchronous client, for reads in a trigger; the caller closes it.

        :raises PixVerseConnectionNotFoundError: where the connection is missing.
        :raises PixVerseConfigurationError: where it is of another type or cannot be used.
        """
        settings = await self._async_settings()
        if not self._polls_paid_job:
            settings.checked()
        from pixverse_provider.api.async_client import AsyncPixVerseClient, network_of_trigger

        return AsyncPixVerseClient(settings, await asyncio.to_thread(network_of_trigger, settings))

    async def _async_settings(self) -> ClientSettings:
        from airflow.providers.common.compat.sdk import Connection
        from asgiref.sync import sync_to_async

        if not hasattr(Connection, "aextra_dejson"):
            # Before Airflow 3.3.2 the secrets of a connection are masked with a synchronous request to the
            # supervisor, which may not be made in an event loop that has another one under way. The newest
            # common-compat has a helper for this; no stable Airflow has it in its constraints.
            return await sync_to_async(self._settings)()
        conn_id = self._checked_id()
        try:
            connection = await self.aget_connection(conn_id)
        except Exception as err:  # see _not_read
            raise self._not_read(err) from err
        return self._settings_of(connection)

    def check_deferral(self) -> None:
        """Refuse a wait in the triggerer where its client could not take the way that this worker takes.

        It is the environment of this process that is read; that of the triggerer may be another.

        :raises PixVerseConfigurationError: names the proxy and the remedy.
        """
        from pixverse_provider.api.network import Network, names_a_socks_proxy

        if not names_a_socks_proxy():
            return
        try:
            settings = self._settings()
        except PixVerseError:
            # For whoever connects next to say.
            return
        Network("this worker", for_trigger=True).proxy_for(settings.base_url)

    def close(self) -> None:
        """Close the connections of the synchronous client, if any were opened."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def submit(self, request: GenerationRequest, *, trace_id: str, attempts: int | None = None) -> Submission:
        """Submit a job; **this costs credits**. See :meth:`PixVerseClient.submit`.

        :param trace_id: key of this job, a UUID; keep it, since the same one starts no second job.
        """
        if attempts is None:
            return self.get_conn().submit(request, trace_id=trace_id)
        return self.get_conn().submit(request, trace_id=trace_id, attempts=attempts)

    def get_video(self, video_id: Id) -> Video:
        """Read status and result of a video; free. Transient errors are repeated up to three times.

        :param video_id: an int or its digits.
        """
        return self.get_conn().call(video_call(required_id(video_id, "video_id")))

    def get_image(self, image_id: Id) -> ImageResult:
        """Read status and result of an image; free. Transient errors are repeated up to three times.

        :param image_id: an int or its digits.
        """
        return self.get_conn().call(image_call(required_id(image_id, "image_id")))

    def poll(self, media_type: MediaType, job_id: Id) -> JobResult:
        """Read status and result of a job in one HTTP attempt, for a wait that decides on its own; free.

        Where PixVerse refuses the key, the connection is read again, and only another key is tried.

        :param media_type: ``"video"`` or ``"image"``.
        :param job_id: an int or its digits.
        """
        if plain_text(media_type) not in ("video", "image"):
            raise PixVerseInvalidRequestError(
                f"media_type must be 'video' or 'image', not {shown(media_type)}."
            )
        return self._poll(result_call(media_type, required_id(job_id, "job_id")))

    def poll_balance(self) -> Balance:
        """Read the credits of the account in one HTTP attempt, as :meth:`poll` does; free."""
        return self._poll(balance_call())

    def _poll(self, call: Call[T]) -> T:
        client = (self._client or self._connect_for_polls()) if self._polls_paid_job else self.get_conn()
        try:
            return client.call_once(call)
        except PixVerseAuthenticationError as err:
            if not err.key_refused:
                raise
            settings = self._settings()
            # The secret of another service is no other key of this one.
            if settings.refusal or settings.same_key_as(self._client_settings):
                raise
            self.close()
            return self._connect(settings).call_once(call)

    def _connect_for_polls(self) -> PixVerseClient:
        settings = self._settings()
        if settings.refusal is not None:
            self.log.warning(GOES_ON, settings.refusal)
        return self._connect(settings)

    def select_mask(self, request: MaskSelectionRequest, *, trace_id: str | None = None) -> MaskSelection:
        """Find the masks in one frame of a video, for a swap; **this costs credits**.

        PixVerse's example says 2. It is one HTTP attempt, since another might be paid again.

        :param trace_id: a UUID, a fresh one by default; keep it to repeat a call whose answer was lost.
        :raises PixVerseInvalidRequestError: before any call, where the request asks for no masks.
        """
        from pixverse_provider.api.generations import MaskSelectionRequest

        if not isinstance(request, MaskSelectionRequest):
            raise PixVerseInvalidRequestError(
                f"select_mask takes a MaskSelectionRequest, not {type(request).__name__}: a job is made with "
                "PixVerseHook.submit."
            )
        return self.get_conn().call_once(request.call(), trace_id=trace_id)

    def list_restyle_effects(self) -> list[RestyleEffect]:
        """List the presets of the restyle; free."""
        effects: dict[int, RestyleEffect] = {}
        page = 1
        while True:
            found = self.get_conn().call(restyle_effects_call(page))
            known = len(effects)
            effects |= {effect.restyle_id: effect for effect in found}
            # Paging may be ignored, as it is for the voices.
            if len(effects) == known or len(found) < RESTYLE_PAGE_SIZE:
                return list(effects.values())
            page += 1

    def upload_media(self, source: Source) -> Media:
        """Upload a video or audio file, streamed; free.

        :param source: a local path, a URI of any store that Airflow reaches, or an ``UploadSource``.
        :raises PixVerseSourceError: before any call, where it is missing, empty, of another type, or too
            large.
        """
        return self.get_conn().upload_media(self._file(source, MEDIA), tell=self.log.info)

    def upload_media_from_url(self, url: str) -> Media:
        """Let PixVerse fetch a video or audio from a URL; free.

        :raises PixVerseSourceError: before any call, where nobody can fetch it.
        """
        check_web_address(url, "url")
        return self.get_conn().call(media_from_url_call(url))

    def upload_image(self, source: Source) -> Image:
        """Upload an image file, streamed; free.

        :param source: a local path, a URI of any store that Airflow reaches, or an ``UploadSource``.
        :raises PixVerseSourceError: before any call, where it is missing, empty, of another type, or too
            large.
        """
        return self.get_conn().upload_image(self._file(source, IMAGE), tell=self.log.info)

    def upload_image_from_url(self, url: str) -> Image:
        """Let PixVerse fetch an image from a URL; free.

        :raises PixVerseSourceError: before any call, where nobody can fetch it.
        """
        check_web_address(url, "url")
        return self.get_conn().call(image_from_url_call(url))

    def _file(self, source: Source, kind: UploadKind) -> UploadSource:
        """Return the file of a path or URI, checked; an ``UploadSource`` as it is."""
        from pixverse_provider.storage.sources import SourceFile, web_address

        if _is_upload_source(source):
            return cast("UploadSource", source)
        if web_address(source) is not None:
            raise PixVerseSourceError(
                "source is a web address: PixVerse fetches it itself with upload_media_from_url or "
                "upload_image_from_url."
            )
        file = SourceFile.check(source, kind)
        if file.warning:
            self.log.warning(file.warning)
        return file

    def list_voices(self) -> list[Voice]:
        """List the voices for text to speech; free."""
        return self.get_conn().call(voices_call())

    def get_balance(self) -> Balance:
        """Read the credits of the account; free."""
        return self.get_conn().call(balance_call())

    def plain_http_host(self) -> str | None:
        """Return host and port that media may come from by plain http, as from an emulator; None for none.

        It is where the API itself is asked by plain http.
        """
        open_client = None if self._client is None else self._client_settings
        return (open_client or self._settings()).plain_http_host

    def test_connection(self) -> tuple[bool, str]:
        """Try the connection with the balance call, which costs nothing."""
        try:
            balance = self.get_conn().call_once(balance_call(), timeout=_TEST_TIMEOUT)
        except PixVerseError as err:
            return False, str(err)
        return True, f"Connected to PixVerse: {balance.total} credits.{_without_pages()}"

    def _settings(self) -> ClientSettings:
        """Read the connection; the settings may be refused for all but the polls of a job that is paid."""
        conn_id = self._checked_id()
        try:
            connection = self.get_connection(conn_id)
        except Exception as err:  # see _not_read
            raise self._not_read(err) from err
        return self._settings_of(connection)

    def _settings_of(self, connection: Connection) -> ClientSettings:
        settings = settings_from_connection(connection)
        for warning in warnings_about(connection, settings):
            if warning not in _said:
                _said.add(warning)
                self.log.warning(warning)
        return settings

    def _checked_id(self) -> str:
        return read_conn_id(self.pixverse_conn_id, self.default_conn_name)

    def _not_read(self, err: Exception) -> PixVerseTransientError:
        """Return what it means that Airflow did not give the connection.

        Whatever its secrets backends and its API server fail with, it is no reason to give up a job that is
        paid, and they say "not found" where they failed for a moment.
        """
        conn_id = shown(self.pixverse_conn_id)
        if isinstance(err, AirflowNotFoundException):
            return PixVerseConnectionNotFoundError(
                f"The Airflow connection {conn_id} does not exist or cannot be read now: add a connection of "
                "type 'pixverse' with the API key as its password. Airflow says the same of one that it "
                "cannot read as it is written."
            )
        return PixVerseTransientError(
            f"Airflow could not read the connection {conn_id} ({type(err).__name__}): it is read again with "
            "the next try."
        )


def _without_pages() -> str:
    """Say why Airflow's API server has no pages of ours, since Airflow itself says it in its log only.

    It is found by its entry point: nothing here depends on the plugin.
    """
    if "airflow.api_fastapi.core_api.app" not in sys.modules:
        return ""
    found = [*importlib.metadata.entry_points(group="airflow.plugins", name="pixverse")]
    if not found:
        return (
            " There are no PixVerse pages in Airflow: the plugin of this provider is not installed with it."
        )
    try:
        problem = found[0].load().problem()
    except Exception as err:  # noqa: BLE001 - whatever it is that the plugin fails with, the connection works
        problem = f"The PixVerse pages are not there: {type(err).__name__}: {err}"
    return f" {problem}" if problem else ""


def _is_upload_source(source: object) -> bool:
    """Tell whether somebody has made it, and not named a file; whatever it says of itself is asked later."""
    is_one = True
    # What it fails with now it fails with then.
    with contextlib.suppress(Exception):
        is_one = hasattr(source, "content_type")
    return is_one
