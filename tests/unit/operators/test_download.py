"""What a download does about a video that is not there yet, or never will be; in no time at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from pixverse_provider.api.download import MediaDownload
from pixverse_provider.api.results import Video
from pixverse_provider.exceptions import (
    PixVerseAuthenticationError,
    PixVerseConnectionNotFoundError,
    PixVerseDestinationError,
    PixVerseError,
    PixVerseInvalidRequestError,
    PixVerseNotFoundError,
    PixVersePermanentError,
    PixVerseTransientError,
)
from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.operators.download import PixVerseDownloadVideoOperator
from tests.unit.pixverse_in_time import URL, Clock, Service

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.stores import S3Store

FILE = b"video"
DONE = Video(7, 1, url=URL, size=len(FILE))
HTTP_502 = PixVerseTransientError("HTTP 502")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    clock = Clock()
    clock.install(monkeypatch)
    service = Service(clock)
    service.install(monkeypatch)
    return service


@pytest.fixture
def landed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of video 7, which has landed before; the media host has the same."""
    path = tmp_path / "7.mp4"
    path.write_bytes(FILE)
    monkeypatch.setattr(PixVerseHook, "plain_http_host", lambda _: None)
    monkeypatch.setattr(MediaDownload, "into", lambda _, target: target.write(FILE))
    return path


def download(landed: Path, video_id: Any = 7) -> Any:
    operator = PixVerseDownloadVideoOperator(
        task_id="land", video_id=video_id, destination=f"{landed.parent}/"
    )
    return operator.execute({})


def test_a_video_that_is_done_is_polled_once(service: Service, landed: Path) -> None:
    service.will(DONE)
    assert download(landed).endswith("/7.mp4")
    assert service.polls == [0.0]


def test_one_that_is_done_but_has_no_url_is_polled_until_it_has_one(service: Service, landed: Path) -> None:
    service.will(*[Video(7, 1)] * 5, DONE)
    assert download(landed).endswith("/7.mp4")
    assert len(service.polls) == 6


def test_one_that_gets_none_for_a_minute_fails_so_that_a_retry_reads_it_again(
    service: Service, landed: Path
) -> None:
    service.afterwards = Video(7, 1)
    with pytest.raises(PixVerseTransientError, match="done but has no URL yet") as caught:
        download(landed)
    assert caught.value.video_id == 7
    assert not isinstance(caught.value, AirflowFailException)
    assert service.clock.passed == pytest.approx(60)


@pytest.mark.parametrize("status", [5, 9, 2])
def test_one_that_still_runs_is_refused_at_once_with_what_to_do(
    service: Service, landed: Path, status: int
) -> None:
    service.will(Video(7, status))
    with pytest.raises(PixVerseInvalidRequestError, match=rf"not done yet \(status {status}\).*Sensor"):
        download(landed)
    assert service.polls == [0.0]


@pytest.mark.parametrize("status", [6, 7, 8])
def test_one_that_never_will_be_done_is_refused_at_once(service: Service, landed: Path, status: int) -> None:
    service.will(Video(7, status))
    with pytest.raises(PixVerseInvalidRequestError, match=f"nothing to download: .*status {status}"):
        download(landed)
    assert service.polls == [0.0]


def test_transient_errors_are_waited_out(service: Service, landed: Path) -> None:
    service.will(HTTP_502, HTTP_502, HTTP_502, DONE)
    assert download(landed).endswith("/7.mp4")


def test_a_transient_error_that_lasts_a_minute_is_left_to_the_retries_of_the_task(
    service: Service, landed: Path
) -> None:
    service.afterwards = HTTP_502
    with pytest.raises(PixVerseTransientError) as caught:
        download(landed)
    assert caught.value is HTTP_502
    assert service.clock.passed == pytest.approx(60)


@pytest.mark.parametrize(
    "error",
    [
        PixVerseAuthenticationError("HTTP 401", http_status=401),
        PixVerseAuthenticationError("HTTP 403", http_status=403),
        PixVersePermanentError("HTTP 404", http_status=404),
        PixVersePermanentError("HTTP 408", http_status=408),
        PixVerseNotFoundError("not known", err_code=500008),
    ],
    ids=str,
)
def test_a_refusal_is_forgiven_twice_and_ends_it_the_third_time(
    service: Service, landed: Path, error: PixVerseError
) -> None:
    service.will(error, error, DONE)
    assert download(landed).endswith("/7.mp4")
    service.afterwards = error
    with pytest.raises(type(error)):
        download(landed)
    assert len(service.polls) == 6


def test_a_refused_key_ends_it_at_once_and_for_all_of_a_list(service: Service, landed: Path) -> None:
    service.afterwards = PixVerseAuthenticationError("wrong key", err_code=400012)
    with pytest.raises(PixVerseAuthenticationError):
        download(landed, [7, 8, 9])
    assert len(service.polls) == 1


def test_a_connection_that_is_missing_is_left_to_the_retries_of_the_task(
    service: Service, landed: Path
) -> None:
    service.connection = PixVerseConnectionNotFoundError("The Airflow connection 'pixverse_eu' does not")
    with pytest.raises(PixVerseConnectionNotFoundError, match="pixverse_eu") as caught:
        download(landed)
    assert not isinstance(caught.value, AirflowFailException)


def test_one_that_has_landed_is_found_by_its_record_though_pixverse_has_deleted_it(
    service: Service, landed: Path, s3_store: S3Store
) -> None:
    def land() -> Any:
        return PixVerseDownloadVideoOperator(
            task_id="land", video_id=7, destination=s3_store.uri("7.mp4")
        ).execute({})

    service.will(DONE)
    uri = land()
    service.afterwards = Video(7, 6)
    assert land() == uri
    assert service.polls == [0.0]
    assert landed.exists()


def test_a_name_in_a_list_that_a_folder_has_is_refused_before_anything_is_fetched(
    service: Service, landed: Path
) -> None:
    (landed.parent / "9.mp4").mkdir()
    with pytest.raises(PixVerseDestinationError, match=r"9\.mp4' .*no regular file is there") as caught:
        PixVerseDownloadVideoOperator(
            task_id="land", video_id=[7, 8, 9], destination=f"{landed.parent}/", overwrite=True
        ).execute({})
    assert caught.value.video_id == 9
    assert service.polls == []
