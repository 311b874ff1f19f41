"""Which places a worker reads and writes, and that it asks nobody about any other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import Asset, ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.media import MEDIA
from pixverse_provider.exceptions import PixVerseError, PixVerseSourceError
from pixverse_provider.storage.places import Place, read_place
from pixverse_provider.storage.sources import SourceFile, keepable, web_address
from tests.support.stores import fresh_file_systems

if TYPE_CHECKING:
    from tests.support.stores import SftpStore
    from tests.unit.scripted_server import ScriptedServer


def place(value: object) -> Place:
    return read_place(value, "source", PixVerseSourceError)


def refused(value: object) -> str:
    with pytest.raises(PixVerseSourceError) as caught:
        place(value)
    return str(caught.value)


class TestAPlaceThatNobodyIsToBeAskedFor:
    """A worker would ask ``{host}`` for it, if it gave ``fsspec`` what the DAG's author wrote."""

    @pytest.mark.parametrize(
        "source",
        [
            "filecache::http://{host}/x.mp4",
            "simplecache::http://{host}/x.mp4",
            "blockcache::http://{host}/x.mp4",
            "FileCache::HTTP://{host}/x.mp4",
            "filecache::file:///x.mp4",
            "filecache:://{host}/x.mp4",
            "simplecache::s3://bucket/x.mp4",
            "zip://x.mp4::http://{host}/a.zip",
            "tar://x.mp4::http://{host}/a.tar",
            "reference://x.mp4::http://{host}/r.json",
            "file::http://{host}/x.mp4",
            "file://x.mp4::http://{host}/x.mp4",
            "local::http://{host}/x.mp4",
            "local://::http://{host}/x.mp4",
            "s3://bucket/x.mp4::http://{host}/x.mp4",
            "s3://conn@bucket/::http://{host}/x.mp4",
            "sftp://conn@/x.mp4::http://{host}/x.mp4",
            "memory://x.mp4::http://{host}/x.mp4",
            "clip.mp4::http://{host}/x.mp4",
            "http::http://{host}/x.mp4",
            "::http://{host}/x.mp4",
            " \nfilecache::http://{host}/x.mp4",
        ],
    )  # fmt: skip
    def test_is_no_chain_of_file_systems(self, server: ScriptedServer, source: str) -> None:
        source = source.format(host=server.url.removeprefix("http://"))
        said = refused(source)
        assert "a worker" in said or "has only its own" in said
        assert server.connections == 0

    @pytest.mark.parametrize(
        "source",
        [
            "http://{host}/x.mp4",
            "ftp://{host}/x.mp4",
            "webdav+http://{host}/x.mp4",
            "github://owner:repo@{host}/x.mp4",
            "reference://{host}/x.mp4",
            "filecache://{host}/x.mp4",
            "simplecache://{host}/x.mp4",
            "dask://{host}/x.mp4",
            "hf://{host}/x.mp4",
            "smb://{host}/x.mp4",
            "data://{host}/x.mp4",
            "zip://{host}/x.mp4",
            "git://{host}/x.mp4",
            "jlab://{host}/x.mp4",
            "memory://{host}/x.mp4",
            "MEMORY://conn@{host}/x.mp4",
            "no-such+scheme.1://{host}/x.mp4",
        ],
    )  # fmt: skip
    def test_has_no_scheme_that_airflow_has_no_file_system_for(
        self, server: ScriptedServer, source: str
    ) -> None:
        source = source.format(host=server.url.removeprefix("http://"))
        scheme = source.partition("://")[0].lower()
        assert f"Airflow has no file system for {scheme}://" in refused(source)
        with fresh_file_systems():
            assert f"Airflow has no file system for {scheme}://" in refused(source)
        assert server.connections == 0

    @pytest.mark.parametrize(
        ("url", "options"),
        [
            ("filecache::http://{host}/x.mp4", {}),
            ("simplecache::s3://bucket/x.mp4", {}),
            ("s3://bucket/x.mp4::http://{host}/x.mp4", {}),
            ("zip://x.mp4::http://{host}/a.zip", {}),
            ("zip://x.mp4", {"fo": "http://{host}/a.zip"}),
            ("file:///x.mp4", {"target_protocol": "http"}),
            ("s3://bucket/x.mp4", {"fo": "http://{host}/x.mp4", "target_protocol": "http"}),
            ("reference://", {"fo": "http://{host}/r.json"}),
            ("memory://x.mp4", {}),
            ("github://owner:repo@/x.mp4", {}),
        ],
    )  # fmt: skip
    def test_is_none_as_an_object_either(
        self, server: ScriptedServer, url: str, options: dict[str, str]
    ) -> None:
        host = server.url.removeprefix("http://")
        path = ObjectStoragePath(
            url.format(host=host), **{name: value.format(host=host) for name, value in options.items()}
        )
        said = refused(path)
        assert "chain of file systems" in said or "Airflow has no file system" in said
        with pytest.raises(PixVerseError):
            SourceFile.check(path, MEDIA)
        assert server.connections == 0

    def test_leaves_no_trace_that_would_stand_in_the_way_of_one_that_is_attached_later(self) -> None:
        with fresh_file_systems():
            refused("memory://films/clip.mp4")
            attach("memory", fs=MemoryFileSystem())
            assert place("memory://films/clip.mp4").fs is not None

    def test_names_the_host_of_no_sftp_server_that_the_connection_does_not_name(
        self, sftp_store: SftpStore
    ) -> None:
        sftp_store.put("clip.mp4", b"\x00\x00\x00\x20ftypisom")
        here = f"127.0.0.1:{sftp_store.port}"
        with pytest.raises(PixVerseSourceError, match="cannot be read"):
            SourceFile.check(f"sftp://{here}/clip.mp4", MEDIA)
        # The host in a path is not asked, however it is written: the connection knows where to go.
        assert SourceFile.check("sftp://store@203.0.113.7/clip.mp4", MEDIA).size == 12


class TestAPathOfThisMachine:
    @pytest.mark.parametrize(
        ("value", "path"),
        [
            ("/data/clip.mp4", "/data/clip.mp4"),
            ("  /data/clip.mp4\n", "/data/clip.mp4"),
            ("clip.mp4", "clip.mp4"),
            ("./a::b.mp4", "a::b.mp4"),
            ("/data/a::b.mp4", "/data/a::b.mp4"),
            ("/data/my%20video.mp4", "/data/my%20video.mp4"),
            ("/data/a?b#c.mp4", "/data/a?b#c.mp4"),
            ("take: 2.mp4", "take: 2.mp4"),
            ("12:30.mp4", "12:30.mp4"),
            ("/data/http://x.mp4", "/data/http:/x.mp4"),
            (Path("/data/a::b.mp4"), "/data/a::b.mp4"),
            (Path("filecache::http:/x/a.mp4"), "filecache::http:/x/a.mp4"),
            (Path(" a.mp4 "), " a.mp4 "),
            (ObjectStoragePath("/data/my%20video.mp4"), "/data/my%20video.mp4"),
            (ObjectStoragePath("file:///data/my%20video.mp4"), "/data/my%20video.mp4"),
            ("local:///data/my%20video.mp4", "/data/my%20video.mp4"),
            (b"/data/caf\xe9.mp4".decode(errors="surrogateescape"), "/data/caf\udce9.mp4"),
        ],
    )  # fmt: skip
    def test_is_taken_as_it_is_written(self, value: object, path: str) -> None:
        assert place(value).local == Path(path)

    @pytest.mark.parametrize(
        ("uri", "path"),
        [
            ("file:///data/my%20video.mp4", "/data/my video.mp4"),
            ("file:///data/my video.mp4", "/data/my video.mp4"),
            ("FILE:///data/clip.mp4", "/data/clip.mp4"),
            ("file:/data/my%20video.mp4", "/data/my video.mp4"),
            ("file://localhost/data/clip.mp4", "/data/clip.mp4"),
            ("file://LocalHost/data/clip.mp4", "/data/clip.mp4"),
            ("file://conn_id@/data/clip.mp4", "/data/clip.mp4"),
            ("file:///data/caf%C3%A9.mp4", "/data/café.mp4"),
            ("file:///data/café.mp4", "/data/café.mp4"),
            ("file:///data/caf%E9.mp4", "/data/caf\udce9.mp4"),
            ("file:///data/caf\udce9.mp4", "/data/caf\udce9.mp4"),
            ("file:///data/100%25.mp4", "/data/100%.mp4"),
            ("file:///data/100%.mp4", "/data/100%.mp4"),
            ("file:///data/a%3A%3Ab.mp4", "/data/a::b.mp4"),
            ("file:///data/a::b.mp4", "/data/a::b.mp4"),
            ("file:///data/a%2Fb.mp4", "/data/a/b.mp4"),
            ("file:///data/a%0Ab.mp4", "/data/a\nb.mp4"),
            ("file:///data/a?b#c.mp4", "/data/a?b#c.mp4"),
            ("file:///data/a%3Fb%23c.mp4", "/data/a?b#c.mp4"),
            ("file:///data/folder/", "/data/folder"),
        ],
    )  # fmt: skip
    def test_is_read_from_a_uri_as_rfc_8089_says(self, uri: str, path: str) -> None:
        assert place(uri).local == Path(path)

    @pytest.mark.parametrize(
        ("uri", "said"),
        [
            ("file://nas/data/clip.mp4", "is a file on the host 'nas', and a worker has only its own"),
            ("file://10.0.0.5/data/clip.mp4", "is a file on the host '10.0.0.5'"),
            ("file://localhost:80/data/clip.mp4", "is a file on the host 'localhost:80'"),
            ("file://127.0.0.1/data/clip.mp4", "is a file on the host '127.0.0.1'"),
            ("file://data/clip.mp4", "is a file on the host 'data'"),
            ("file://", "names no file"),
            ("file:", "names no file"),
            ("file://localhost", "names no file"),
            ("file:///data/a%00b.mp4", "holds a NUL character"),
            ("/data/a\0b.mp4", "holds a NUL character"),
            (Path("/data/a\0b.mp4"), "holds a NUL character"),
            ("/data/\ud800.mp4", "holds a character that no path of this machine has"),
            ("file:///data/\ud800.mp4", "holds an unpaired surrogate"),
            ("s3://bucket/\ud800.mp4", "holds a control character or an unpaired surrogate"),
            ("s3://bucket/a\nb.mp4", "holds a control character or an unpaired surrogate"),
            ("s3://bucket/a\0b.mp4", "holds a control character or an unpaired surrogate"),
            ("s3://", "names no file"),
            ("s3://conn_id@", "names no file"),
        ],
    )  # fmt: skip
    def test_that_is_none_is_refused_with_a_sentence(self, uri: object, said: str) -> None:
        message = refused(uri)
        assert said in message
        assert "\ud800" not in message

    @pytest.mark.parametrize("text", ["source", ""])
    def test_what_has_a_path_is_asked_for_it(self, text: str) -> None:
        class Named:
            def __init__(self, path: Any) -> None:
                self.path = path

            def __fspath__(self) -> Any:
                return self.path

        assert place(Named(b"/data/caf\xe9.mp4")).local == Path("/data/caf\udce9.mp4")
        assert place(Named("file:///data/a%20b.mp4")).local == Path("/data/a b.mp4")
        assert "chain of file systems" in refused(Named("filecache::http://10.0.0.5/x.mp4"))
        for wrong in (7, None, ["/data/clip.mp4"]):
            assert "of which there is no path" in refused(Named(wrong))
        assert place(Asset(name="clip", uri="file:///data/a%20b.mp4")).local == Path("/data/a b.mp4")

    @pytest.mark.parametrize(
        "value",
        [None, 7, 1.5, True, b"/data/clip.mp4", bytearray(b"a.mp4"), ["a.mp4"], {"a": 1}, object(), "", " "],
    )  # fmt: skip
    def test_that_is_of_another_type_is_refused(self, value: object) -> None:
        assert refused(value).startswith("source is ")
        assert "give a path" in refused(value)


class TestAnAddressThatPixVerseFetches:
    @pytest.mark.parametrize(
        "source",
        [
            "https://media.example/clip.mp4?Signature=s",
            "HTTPS://media.example/clip.mp4",
            " https://media.example:8443/my clip.mp4 ",
            "https://[2001:db8::1]/clip.mp4",
            "https://media.example/a::b.mp4",
            "https://user:password@media.example/clip.mp4",
            "http://media.example/clip.mp4",
        ],
    )
    def test_is_handed_on_as_it_is(self, source: str) -> None:
        assert web_address(source) == source.strip()

    @pytest.mark.parametrize(
        "source",
        [
            "https://[",
            "https://[::1",
            "https://]",
            "https://",
            "https:",
            "https:///clip.mp4",
            "https:/media.example/secret.mp4",
            "https:media.example/secret.mp4",
            "https://media.example:port/secret.mp4",
            "https://media.example:99999/secret.mp4",
            "https://media.example/secret\n.mp4",
            "https://media.example/secret\0.mp4",
            "https://media.example/secret\ud800.mp4",
            "https://media\u2100example/secret.mp4",
            "http://[/secret.mp4",
        ],
    )
    def test_that_is_none_is_refused_without_being_shown(self, source: str) -> None:
        with pytest.raises(
            PixVerseSourceError, match=r"^source\[2\] is a web address that nobody can fetch"
        ) as caught:
            web_address(source, "source[2]")
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        "source", ["clip.mp4", "httpsx://a", "/https://a", Path("https://a/b"), None, 7, "s3://a/b"]
    )
    def test_is_told_apart_from_a_file(self, source: object) -> None:
        assert web_address(source) is None


class TestWhatAirflowCanKeep:
    @pytest.mark.parametrize(
        "source",
        [
            "/data/clip.mp4",
            Path("/data/é.mp4"),
            "s3://bucket/é",
            "{{ x }}",
            None,
            7,
            ["a", Path("b")],
            ObjectStoragePath("/a"),
        ],
    )  # fmt: skip
    def test_is_kept_as_it_is(self, source: object) -> None:
        assert keepable(source) is source

    @pytest.mark.parametrize(
        ("source", "kept"),
        [
            ("/data/caf\udce9.mp4", "file:///data/caf%E9.mp4"),
            (Path("/data/caf\udce9.mp4"), "file:///data/caf%E9.mp4"),
            ("/data/\ud800.mp4", "/data/\ufffd.mp4"),
            ("s3://bucket/\ud800.mp4", "s3://bucket/\ufffd.mp4"),
            ("/data/a\0b.mp4", "file:///data/a%00b.mp4"),
        ],
    )
    def test_else_names_the_same_file_in_other_characters(self, source: object, kept: object) -> None:
        assert keepable(source) == kept

    def test_of_a_relative_path_is_the_whole_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert keepable("caf\udce9.mp4") == f"{tmp_path.as_uri()}/caf%E9.mp4"


SCHEMES = ["file:", "local:", "http:", "https:", "github:", "filecache", "memory:"]
MARKS = ["//", "/", "::", ":", "@", "[", "]", "%00", "%", "%E9", "..", "~", "?", "#", "\\", "\0", "\n", " "]
NAMES = ["a", "é", "\ud800", "\udce9", "None", "conn", "localhost", ".mp4", "x" * 300]
TEXTS = st.lists(st.sampled_from(SCHEMES + MARKS + NAMES), max_size=8).map("".join) | st.text(max_size=20)
OTHERS = st.none() | st.integers() | st.floats() | st.booleans() | st.binary(max_size=20) | st.dates()
FILES = TEXTS.map(Path) | st.binary(max_size=30).map(os.fsdecode).map(Path)


@given(source=TEXTS | FILES | OTHERS)
def test_whatever_is_given_is_an_address_or_refused_with_an_error_of_the_family(source: object) -> None:
    try:
        if web_address(source) is not None:
            return
        SourceFile.check(source, MEDIA)
    except PixVerseError as err:
        str(err).encode()
    else:
        pytest.fail("there is no such file")
