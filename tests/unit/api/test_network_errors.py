"""What is said where the network is in the way, and that it costs nothing."""

from __future__ import annotations

import socket
import traceback
from typing import TYPE_CHECKING

import pytest

from pixverse_provider.api.client import PixVerseClient
from pixverse_provider.api.generations import LipSyncRequest
from pixverse_provider.api.network import Proxy
from pixverse_provider.api.settings import ClientSettings
from pixverse_provider.exceptions import (
    PixVerseAmbiguousSubmitError,
    PixVerseError,
    PixVerseTransientError,
)
from tests.unit.api.reaching import (
    BASIC,
    KEY,
    PASSWORD,
    USERINFO,
    WAYS,
    Seen,
    download,
    every_way,
    poll_in_triggerer,
    poll_in_worker,
    see,
    upload,
)
from tests.unit.networks import HOST, NOWHERE, Asked
from tests.unit.scripted_server import drop

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.networks import World

TRACE = "6f0e2b1a-63a4-4d0e-8a52-1f4b8f1c9d77"
REQUEST = LipSyncRequest(source_video_id=7, lip_sync_tts_speaker_id="7", lip_sync_tts_content="Hello")
UNKNOWN = "was not accepted, unable to get local issuer certificate: let"
WANTS = "{at} refused the tunnel with HTTP 407 Proxy Authentication Required: put"
FORBIDS = "{at} refused the tunnel with HTTP 403 Forbidden:"
NAME_IT = "name a file with the CA that it comes from"


def assert_no_password_in(error: PixVerseError | None) -> None:
    """Look through all that a log may show of an error, its causes included."""
    assert error is not None
    shown = "".join(traceback.format_exception(error))
    cause: BaseException | None = error
    while cause is not None:
        shown += repr(cause)
        cause = cause.__cause__
    assert [secret for secret in ("s3cr3t", BASIC.split()[1]) if secret in shown] == []


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("proxy", "said"),
        [
            ("{says_407}", f"{WANTS} user name and password into HTTPS_PROXY of {{who}}"),
            (
                f"http://{USERINFO}@{{says_407}}",
                f"{WANTS} a user name and password that it takes into HTTPS_PROXY of {{who}}",
            ),
            (
                "{says_403}",
                "{at} refused the tunnel with HTTP 403 Forbidden: it must allow tunnels to this host",
            ),
            ("{says_502}", "{at} refused the tunnel with HTTP 502 Bad Gateway"),
            (f"http://{USERINFO}@{{closed}}", "{at} could not be reached: ConnectionRefusedError"),
            (f"http://{USERINFO}@proxy.invalid:3128", "{at} could not be reached: gaierror"),
            (
                f"https://{USERINFO}@localhost:{{strange_proxy_port}}",
                f"the certificate of {{at}} {UNKNOWN} REQUESTS_CA_BUNDLE of {{who}} {NAME_IT}",
            ),
        ],
    )
    def test_of_a_proxy_that_is_in_the_way_names_it_and_never_its_password(
        self, world: World, proxy: str, said: str
    ) -> None:
        world.set(HTTPS_PROXY=proxy, REQUESTS_CA_BUNDLE="{ca}")
        scheme = "https" if proxy.startswith("https:") else "http"
        at = world.fill(f"the proxy {scheme}://{proxy.rpartition('@')[2]} of HTTPS_PROXY")
        for name, way in WAYS.items():
            _, error = see(world, way, world.url)
            who = "the triggerer" if name == "triggerer" else "this process"
            assert f"({said.format(at=at, who=who)})." in str(error)
            assert_no_password_in(error)

    @every_way
    def test_of_a_proxy_that_hangs_up_names_it(self, world: World, way: Callable[[str], None]) -> None:
        world.set(HTTPS_PROXY=f"http://{USERINFO}@{{hangs_up}}")
        _, error = see(world, way, world.url)
        assert world.fill(", through the proxy http://{hangs_up} of HTTPS_PROXY).") in str(error)
        assert_no_password_in(error)

    @pytest.mark.parametrize(
        ("env", "variables"),
        [
            ({}, "REQUESTS_CA_BUNDLE or SSL_CERT_FILE"),
            ({"SSL_CERT_FILE": "{other_ca}"}, "REQUESTS_CA_BUNDLE or SSL_CERT_FILE"),
            ({"REQUESTS_CA_BUNDLE": "{other_ca}"}, "REQUESTS_CA_BUNDLE"),
            ({"CURL_CA_BUNDLE": "{other_ca}"}, "CURL_CA_BUNDLE"),
        ],
    )
    def test_of_a_certificate_of_an_unknown_ca_names_the_variables(
        self, world: World, env: dict[str, str], variables: str
    ) -> None:
        world.set(**env)
        _, error = see(world, poll_in_worker, world.url)
        assert f"(the certificate of {HOST} {UNKNOWN} {variables} of this process {NAME_IT})." in str(error)

    def test_of_a_certificate_for_another_name_no_ca_is_blamed(self, world: World) -> None:
        world.set(REQUESTS_CA_BUNDLE="{ca}")
        for way in (poll_in_worker, poll_in_triggerer):
            _, error = see(world, way, f"https://other.test:{world.pixverse.port}/openapi/v2")
            assert "the certificate of other.test was not accepted, Hostname mismatch" in str(error)
            assert "REQUESTS_CA_BUNDLE" not in str(error)

    @pytest.mark.parametrize(
        "value",
        [
            "http://worker:s3cr3t#@{proxy}",
            "http://worker:s3cr3t/@{proxy}",
            "http://worker:p@s3cr3t#1@{proxy}",
            "http://worker:p@s3cr3t/1@{proxy}",
            "http://worker:p@s3cr3t?1@{proxy}",
            "http://worker:12/s3cr3t@{proxy}",
            "http://worker:12\\s3cr3t@{proxy}",
            "http://OFFICE\\worker:s3cr3t@{proxy}",
            "worker:s3cr3t@proxy.test:port",
            "ftp://worker:s3cr3t@{proxy}",
            "http://worker:s3cr3t@",
        ],
    )
    @every_way
    def test_of_a_proxy_that_is_no_url_names_the_variable_and_not_its_value(
        self, world: World, way: Callable[[str], None], value: str
    ) -> None:
        world.set(ALL_PROXY=value)
        seen, error = see(world, way, world.url)
        assert (seen.outcome, seen.proxies) == ("refused", ())
        assert str(error).startswith("ALL_PROXY in the environment of th")
        assert "is not the URL of a proxy" in str(error)
        assert_no_password_in(error)

    @every_way
    def test_of_a_bundle_that_cannot_be_read_names_the_variable_and_the_file(
        self, world: World, way: Callable[[str], None]
    ) -> None:
        world.set(CURL_CA_BUNDLE="{nothing}")
        _, error = see(world, way, world.url)
        who = "the triggerer" if way is poll_in_triggerer else "this process"
        assert str(error) == world.fill(
            "CURL_CA_BUNDLE in the environment of {who} is '{nothing}', which cannot be read (No such file "
            "or directory): let it name certificates in PEM form, or unset it.",
            who=who,
        )

    def test_of_a_proxy_in_a_log_is_no_password(self) -> None:
        proxy = Proxy("http", "proxy.example", 3128, "HTTPS_PROXY", USERINFO)
        assert "s3cr3t" not in f"{proxy} {proxy!r} {proxy.url}"


class TestSubmits:
    @pytest.mark.parametrize(
        ("env", "status"),
        [
            ({"HTTPS_PROXY": "{says_407}"}, 407),
            ({"HTTPS_PROXY": "{says_403}"}, 403),
            ({"HTTPS_PROXY": "{says_502}"}, 502),
            ({"HTTPS_PROXY": "{closed}"}, None),
            ({"HTTPS_PROXY": "proxy.invalid:3128"}, None),
            ({"HTTPS_PROXY": "{hangs_up}"}, None),
            ({"HTTPS_PROXY": "https://localhost:{strange_proxy_port}"}, None),
            ({"REQUESTS_CA_BUNDLE": "{other_ca}"}, None),
        ],
        ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else "",
    )
    def test_one_that_found_no_connection_has_made_no_job(
        self, world: World, env: dict[str, str], status: int | None
    ) -> None:
        world.set(**({"REQUESTS_CA_BUNDLE": "{ca}"} | env))
        error = submit(world.url)
        assert (type(error), error.answer_lost) == (PixVerseTransientError, False)
        assert error.http_status == status
        assert "The request was not sent." in str(error)
        assert world.pixverse.requests == []

    def test_a_proxy_that_never_answers_was_asked_for_a_tunnel_only(self, world: World) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            world.set(HTTPS_PROXY=f"127.0.0.1:{silent.getsockname()[1]}")
            error = submit(world.url, timeout=0.2)
        assert (type(error), "The request was not sent." in str(error)) == (PixVerseTransientError, True)

    def test_a_server_that_shakes_no_hands_was_sent_nothing(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            error = submit(f"https://127.0.0.1:{silent.getsockname()[1]}/openapi/v2", timeout=0.2)
        assert (type(error), "The request was not sent." in str(error)) == (PixVerseTransientError, True)

    def test_plain_http_that_a_proxy_does_not_hand_on_made_no_job(self, world: World) -> None:
        world.set(HTTP_PROXY="{says_407}")
        error = submit(f"http://{HOST}:1/openapi/v2")
        assert (type(error), error.http_status) == (PixVerseTransientError, 407)
        assert "A proxy refused with HTTP 407" in str(error)

    def test_one_whose_answer_is_cut_off_behind_a_proxy_may_have_made_a_job(self, world: World) -> None:
        world.set(HTTPS_PROXY="{proxy}", REQUESTS_CA_BUNDLE="{ca}")
        world.pixverse.will(drop)
        assert isinstance(submit(world.url), PixVerseAmbiguousSubmitError)


def submit(base_url: str, *, timeout: float = 30.0) -> PixVerseError:
    """Submit once, and return what it failed with."""
    with (
        PixVerseClient(ClientSettings(KEY, base_url, timeout=timeout)) as client,
        pytest.raises(PixVerseError) as caught,
    ):
        client.submit(REQUEST, trace_id=TRACE, attempts=1)
    return caught.value


class TestSocks:
    @pytest.mark.parametrize("scheme", ["socks5h", "socks5", "SOCKS5H"])
    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
    def test_a_worker_goes_through_it(self, world: World, scheme: str, name: str) -> None:
        world.set(REQUESTS_CA_BUNDLE="{ca}", **{name: f"{scheme}://{USERINFO}@{{socks}}"})
        where = NOWHERE if scheme == "socks5" else HOST
        asked = Asked(f"{where}:{world.pixverse.port}", f"worker:{PASSWORD}")
        for way in (poll_in_worker, upload, download):
            seen, _ = see(world, way, world.url)
            assert seen == Seen("answered", (("socks", asked),), frozenset())

    def test_one_that_does_not_listen_is_a_connect_error_without_its_password(self, world: World) -> None:
        world.set(HTTPS_PROXY=f"socks5h://{USERINFO}@{{closed}}")
        _, error = see(world, poll_in_worker, world.url)
        assert world.fill("through the proxy socks5h://{closed} of HTTPS_PROXY).") in str(error)
        assert_no_password_in(error)

    def test_a_worker_says_what_is_to_be_installed_for_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.set(HTTPS_PROXY=f"socks5h://{USERINFO}@proxy.example:1080")
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        seen, error = see(world, poll_in_worker, world.url)
        assert seen.outcome == "refused"
        assert str(error) == (
            "The proxy socks5h://proxy.example:1080 of HTTPS_PROXY in the environment of this process is a "
            "SOCKS proxy, for which PySocks is not installed: pip install 'requests[socks]', or name an HTTP "
            "proxy."
        )

    @pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
    def test_a_trigger_says_that_it_cannot(self, world: World, scheme: str) -> None:
        world.set(ALL_PROXY=f"{scheme}://{USERINFO}@proxy.example:1080")
        seen, error = see(world, poll_in_triggerer, world.url)
        assert seen.outcome == "refused"
        assert str(error) == (
            f"The proxy {scheme}://proxy.example:1080 of ALL_PROXY in the environment of the triggerer is a "
            "SOCKS proxy, which a wait in the triggerer cannot use: name an HTTP proxy, or set "
            "deferrable=False."
        )
