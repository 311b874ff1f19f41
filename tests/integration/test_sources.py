"""Every form of a source, in a DAG and against the emulator."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from airflow.sdk import DAG, task

from pixverse_provider.operators.upload import PixVerseUploadMediaOperator
from tests.support.dags import run_dag
from tests.support.stores import _s3_server, s3_store, sftp_store

if TYPE_CHECKING:
    from pixverse_provider.emulator.client import EmulatorControl
    from tests.support.stores import S3Store, SftpStore

__all__ = ["_s3_server", "s3_store", "sftp_store"]

pytestmark = pytest.mark.usefixtures("airflow_db")

NOT_UTF_8 = os.fsdecode(b"caf\xe9.mp4")


class Named:
    """What has a path, and gives it as bytes."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __fspath__(self) -> bytes:
        return os.fsencode(self._path)


def placed(presenter: Path, folder: Path, name: str) -> Path:
    """Return a copy of the small video under another name."""
    file = folder / name
    file.write_bytes(presenter.read_bytes())
    return file


def test_a_file_is_uploaded_in_whichever_form_it_is_named(
    emulator: EmulatorControl, presenter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    placed(presenter, tmp_path, "a.mp4")
    spaced = placed(presenter, tmp_path, "my video.mp4")
    placed(presenter, tmp_path, NOT_UTF_8)
    forms: dict[str, Any] = {
        "relative_path": Path("a.mp4"),
        "relative_text": "a.mp4",
        "uri": spaced.as_uri(),
        "uri_of_this_host": f"file://localhost{tmp_path}/my%20video.mp4",
        "short_uri": f"file:{tmp_path}/my%20video.mp4",
        "uri_of_bytes": f"file://{tmp_path}/caf%E9.mp4",
        "object": ObjectStoragePath(tmp_path / "a.mp4"),
    }
    with DAG("source_forms", schedule=None) as dag:
        for name, form in forms.items():
            PixVerseUploadMediaOperator(task_id=name, source=form)
        PixVerseUploadMediaOperator(task_id="list", source=[forms["relative_path"], forms["uri"]])

    run = run_dag(dag)

    assert run.state == "success"
    assert len({*(run.xcom(name) for name in forms), *run.xcom("list")}) == len(forms) + 2


def test_what_a_task_or_a_template_names_is_uploaded(
    emulator: EmulatorControl, presenter: Path, tmp_path: Path
) -> None:
    file = placed(presenter, tmp_path, "my video.mp4")
    with DAG("sources_of_tasks", schedule=None, params={"folder": str(tmp_path)}) as dag:

        @task
        def path() -> str:
            return str(file)

        @task
        def stored() -> ObjectStoragePath:
            return ObjectStoragePath(file)

        @task
        def many() -> list[str]:
            return [file.as_uri(), str(file)]

        PixVerseUploadMediaOperator(task_id="from_text", source=path())
        PixVerseUploadMediaOperator(task_id="from_object", source=stored())
        PixVerseUploadMediaOperator(task_id="from_list", source=many())
        PixVerseUploadMediaOperator(task_id="template", source="file://{{ params.folder }}/my%20video.mp4")
        PixVerseUploadMediaOperator(task_id="templates", source=["{{ params.folder }}/my video.mp4"])

    run = run_dag(dag)

    assert run.state == "success"
    assert [len(run.xcom(name)) for name in ("from_list", "templates")] == [2, 1]


def test_a_name_that_is_not_utf_8_is_uploaded_under_a_safe_one(
    emulator: EmulatorControl, presenter: Path, tmp_path: Path
) -> None:
    file = placed(presenter, tmp_path, NOT_UTF_8)
    with DAG("odd_names", schedule=None) as dag:
        PixVerseUploadMediaOperator(task_id="path", source=file)
        PixVerseUploadMediaOperator(task_id="text", source=str(file))
        PixVerseUploadMediaOperator(task_id="list", source=[file, str(file)])
        PixVerseUploadMediaOperator(task_id="bytes", source=Named(str(file)))

    run = run_dag(dag)

    assert run.state == "success"


def test_a_file_in_a_store_is_uploaded_by_the_connection_that_it_names(
    emulator: EmulatorControl,
    presenter: Path,
    request: pytest.FixtureRequest,
) -> None:
    for name in ("s3_store", "sftp_store"):
        store: S3Store | SftpStore = request.getfixturevalue(name)
        source = store.put("folder/clip 1.mp4", presenter.read_bytes())
        with DAG(f"from_{name}", schedule=None) as dag:

            @task
            def stored(source: str = source) -> ObjectStoragePath:
                return ObjectStoragePath(source)

            PixVerseUploadMediaOperator(task_id="text", source=source)
            PixVerseUploadMediaOperator(task_id="object", source=ObjectStoragePath(source))
            PixVerseUploadMediaOperator(task_id="from_a_task", source=[stored()])
        run = run_dag(dag)
        assert run.state == "success"
