"""Where the API is: every way to write it, in one piece or in the fields of a connection."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from pixverse_provider.api.settings import (
    DEFAULT_BASE_URL,
    EMULATOR_KEY,
    ClientSettings,
    is_loopback,
    read_base_url,
)
from pixverse_provider.exceptions import PixVerseConfigurationError
from tests.unit.openapi import contract

WHERE = "connection 'pixverse_default'"
SECRET = "sk-1234567890-s3cr3t"


def base_url(host: Any, **parts: Any) -> str:
    return read_base_url(host, WHERE, **parts)


def refusal_of(host: Any, **parts: Any) -> str:
    with pytest.raises(PixVerseConfigurationError) as caught:
        base_url(host, **parts)
    assert WHERE in str(caught.value)
    return str(caught.value)


def test_the_default_is_the_documented_international_api() -> None:
    assert contract()["servers"][0]["url"] == DEFAULT_BASE_URL


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (None, DEFAULT_BASE_URL),
        ("", DEFAULT_BASE_URL),
        ("  ", DEFAULT_BASE_URL),
        ("https://app-api.pixverse.ai", DEFAULT_BASE_URL),
        ("https://app-api.pixverse.ai/", DEFAULT_BASE_URL),
        ("https://app-api.pixverse.ai//", DEFAULT_BASE_URL),
        ("https://app-api.pixverse.ai/openapi/v2/", DEFAULT_BASE_URL),
        ("app-api.pixverse.ai", DEFAULT_BASE_URL),
        ("app-api.pixverse.ai/openapi/v2", DEFAULT_BASE_URL),
        (" https://app-api.pixverseai.cn\n", "https://app-api.pixverseai.cn/openapi/v2"),
        ("HTTPS://Gateway.Example:8443", "https://gateway.example:8443/openapi/v2"),
        ("https://gateway.example/pixverse/", "https://gateway.example/pixverse"),
        ("gateway.example:8443/pixverse", "https://gateway.example:8443/pixverse"),
        ("https://gateway", "https://gateway/openapi/v2"),
        ("gateway:8443", "https://gateway:8443/openapi/v2"),
        ("https://my_gateway.example.", "https://my_gateway.example/openapi/v2"),
        ("https://gateway.example.:8443/x", "https://gateway.example:8443/x"),
        ("https://例え。テスト。", "https://xn--r8jz45g.xn--zckzah/openapi/v2"),
        ("https://gateway.", "https://gateway/openapi/v2"),
        ("http://localhost.:8000", "http://localhost:8000/openapi/v2"),
        ("https://gateway.example/a%20b/c@d", "https://gateway.example/a%20b/c@d"),
        ("https://bücher.example", "https://xn--bcher-kva.example/openapi/v2"),
        ("BÜCHER.example", "https://xn--bcher-kva.example/openapi/v2"),
        ("https://例え。テスト:8443/x", "https://xn--r8jz45g.xn--zckzah:8443/x"),
        ("https://gateway.example:443", "https://gateway.example/openapi/v2"),
        ("http://localhost:80", "http://localhost/openapi/v2"),
        ("http://localhost:443", "http://localhost:443/openapi/v2"),
        ("http://localhost:8000", "http://localhost:8000/openapi/v2"),
        ("http://LOCALHOST:8000", "http://localhost:8000/openapi/v2"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/openapi/v2"),
        ("http://127.9.9.9", "http://127.9.9.9/openapi/v2"),
        ("http://[::1]:8000", "http://[::1]:8000/openapi/v2"),
        ("http://[0:0:0:0:0:0:0:1]:8000", "http://[::1]:8000/openapi/v2"),
        ("https://[2001:DB8::1]/openapi/v2", "https://[2001:db8::1]/openapi/v2"),
        ("2001:db8::1", "https://[2001:db8::1]/openapi/v2"),
        ("https://2001:db8::1/pixverse", "https://[2001:db8::1]/pixverse"),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443/openapi/v2"),
    ],
)
def test_a_base_url_is_brought_to_one_form(host: str | None, expected: str) -> None:
    assert base_url(host) == expected


@pytest.mark.parametrize(
    ("host", "parts", "expected"),
    [
        ("https://gateway", {"port": 8443}, "https://gateway:8443/openapi/v2"),
        ("https://gateway:8443", {"port": 8443}, "https://gateway:8443/openapi/v2"),
        ("https://gateway/pixverse", {"port": 8443}, "https://gateway:8443/pixverse"),
        ("gateway.example.com", {"port": 443}, "https://gateway.example.com/openapi/v2"),
        ("gateway", {"port": 8443}, "https://gateway:8443/openapi/v2"),
        ("gateway.example", {"schema": "https"}, "https://gateway.example/openapi/v2"),
        ("gateway", {"schema": " HTTPS "}, "https://gateway/openapi/v2"),
        ("https://gateway", {"schema": "https", "port": 8443}, "https://gateway:8443/openapi/v2"),
        ("https://gateway", {"schema": "openapi/v2"}, "https://gateway/openapi/v2"),
        ("gateway.example", {"schema": "/pixverse/"}, "https://gateway.example/pixverse"),
        ("https://gateway/pixverse", {"schema": "pixverse"}, "https://gateway/pixverse"),
        ("localhost", {"port": 8000, "schema": "http"}, "http://localhost:8000/openapi/v2"),
        ("127.0.0.1:8000", {"schema": "http"}, "http://127.0.0.1:8000/openapi/v2"),
        ("::1", {"port": 8000, "schema": "HTTP"}, "http://[::1]:8000/openapi/v2"),
        ("[::1]", {"port": 8000, "schema": "http"}, "http://[::1]:8000/openapi/v2"),
        ("http://[::1]", {"port": 8000}, "http://[::1]:8000/openapi/v2"),
        ("", {"schema": "https"}, DEFAULT_BASE_URL),
        ("https://gateway", {"port": None, "schema": ""}, "https://gateway/openapi/v2"),
        ("https://gateway", {"port": 0}, "https://gateway/openapi/v2"),
    ],
)
def test_scheme_port_and_path_may_stand_apart(host: str, parts: dict[str, Any], expected: str) -> None:
    assert base_url(host, **parts) == expected


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("http://app-api.pixverse.ai", "in plain text"),
        ("http://10.0.0.1:8000", "in plain text"),
        ("http://0.0.0.0:8000", "in plain text"),
        ("http://localhost.evil.example", "in plain text"),
        ("http://127.0.0.1.evil.example", "in plain text"),
        ("http://127.1", "in plain text"),
        ("http://2130706433", "in plain text"),
        ("http://[2001:db8::1]", "in plain text"),
        ("http://[::ffff:10.0.0.1]", "in plain text"),
        ("ftp://app-api.pixverse.ai", "neither https nor http"),
        ("://app-api.pixverse.ai", "neither https nor http"),
        ("https://", "names no host"),
        ("https:///openapi/v2", "names no host"),
        ("//gateway.example", "names no host"),
        ("/openapi/v2", "names no host"),
        ("https://a..b", "names no host"),
        ("https://-a.example", "names no host"),
        ("https://ex*mple", "names no host"),
        ("https://gateway\\.example", "names no host"),
        ("https://[v1.a]", "names no host"),
        ("https://[fe80::1%25eth0]", "names no host"),
        (f"https://{'a' * 64}.example", "names no host"),
        (f"https://{'a.' * 127}example", "names no host"),
        (f"https://{'ü' * 64}.example", "names no host"),
        ("https://ü..example", "names no host"),
        ("https://[::1", "no port from 1 to 65535, or brackets around no address"),
        ("https://gateway.example:port", "no port from 1 to 65535"),
        ("https://gateway.example:99999", "no port from 1 to 65535"),
        ("https://gateway.example:0", "no port from 1 to 65535"),
        ("https:gateway.example", "no port from 1 to 65535"),
        ("https://gate way", "whitespace or control characters"),
        ("https://gateway\n.example", "whitespace or control characters"),
        ("https://gateway\x00.example", "whitespace or control characters"),
        ("https://gateway.example/\ud800", "whitespace or control characters"),
        ("gateway", "a single word without https://"),
        ("https://gateway.example/ü", "percent-encode"),
        ("https://gateway.example/%zz", "percent-encode"),
        ("https://gateway.example/a|b", "percent-encode"),
        ("https://gateway.example/a/../b", "without . and .."),
        ("https://gateway.example/%2E/b", "without . and .."),
        (f"https://user:{SECRET}@gateway.example", "user name"),
        (f"{SECRET}@gateway.example", "user name"),
        ("http://localhost@evil.example", "user name"),
        (f"https://gateway.example?key={SECRET}", "query"),
        (f"https://gateway.example/?{SECRET}", "query"),
        (f"https://gateway.example#{SECRET}", "query"),
        (f"ftp://user:{SECRET}@gateway.example", "neither https nor http"),
        (f"{SECRET}://gateway.example", "neither https nor http"),
        (SECRET, "a single word without https://"),
        (f"https://gateway.example:{SECRET}", "no port from 1 to 65535"),
        (f"https://gateway.example/{SECRET}|", "percent-encode"),
        (f"https://gateway.example;{SECRET}", "names no host"),
        (f"http://{SECRET}", "in plain text"),
        (f"http://gateway.example/{SECRET}", "in plain text"),
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused_with_a_remedy_and_not_quoted(host: str, said: str) -> None:
    text = refusal_of(host)
    assert said in text
    assert SECRET not in text
    assert host.strip("/") not in text.replace(DEFAULT_BASE_URL, "").replace("https://;", "")


@pytest.mark.parametrize(
    ("host", "parts", "said"),
    [
        ("https://gateway:8443", {"port": 443}, "names port 8443, and the port of its own is 443"),
        ("gateway", {"port": 65_536}, "a port of its own out of the range 1 to 65535"),
        ("https://gateway", {"port": -1}, "a port of its own out of the range 1 to 65535"),
        ("https://gateway", {"schema": "http"}, "has a scheme and the schema another"),
        ("http://127.0.0.1", {"schema": "https"}, "has a scheme and the schema another"),
        ("https://gateway/a", {"schema": "b"}, "has a path and the schema another"),
        ("gateway", {"schema": f"x?{SECRET}"}, "percent-encode"),
        ("", {"port": 8443}, "is empty, but its port or schema is given"),
        (None, {"schema": "http"}, "is empty, but its port or schema is given"),
        ("gateway", {"schema": "http"}, "in plain text"),
    ],
)
def test_parts_that_contradict_each_other_are_refused(host: str, parts: dict[str, Any], said: str) -> None:
    text = refusal_of(host, **parts)
    assert said in text
    assert SECRET not in text


@pytest.mark.parametrize(
    "host",
    [
        f"https://gateway.example/{SECRET}",
        f"https://gateway.example/{SECRET}/openapi/v2",
        f"https://gateway.example/key:{SECRET}",
        f"https://gateway.example/{SECRET.replace('-', '%2D')}",
        f"https://{SECRET}",
        f"https://{SECRET.upper()}.example",
    ],
)
def test_a_key_that_was_pasted_into_the_base_url_as_well_is_refused_and_not_shown(host: str) -> None:
    text = refusal_of(host, api_key=SECRET)
    assert "holds the API key" in text
    assert SECRET.lower() not in text.lower()


@pytest.mark.parametrize("key", ["pixverse-emulator", "pixverse-emulator-key", "pixverse-emulator-2"])
@pytest.mark.parametrize("host", ["http://emulator:8484", "http://10.0.0.1:8484", "http://pixverse-emulator"])
def test_the_key_of_an_emulator_may_travel_in_plain_text(key: str, host: str) -> None:
    assert key.startswith(EMULATOR_KEY)
    assert base_url(host, api_key=key) == f"{host}/openapi/v2"


@pytest.mark.parametrize("key", [SECRET, "", "a-pixverse-emulator-key", "PIXVERSE-EMULATOR-key", "pixverse"])
def test_any_other_key_may_not_and_the_message_says_so(key: str) -> None:
    text = refusal_of("http://emulator:8484", api_key=key)
    assert "on localhost or with a key that begins with 'pixverse-emulator'" in text


# What tends to break readers of URLs, beside any text at all.
_PIECES = """
    https:// HTTP:// // / : @ ? # [ ] % %41 %2F %2e .. . ::1 localhost 127.0.0.1 gateway.example xn--a ü ß 。
    \\ * :443 :0 :99999 /openapi/v2 /a/../b /./ + & ; ' ~ - _
"""
_WORDS = st.sampled_from([*_PIECES.split(), " ", "\t", "\n", "\x00", "\u200b", "\ud800"])
HOSTS = st.one_of(st.text(max_size=40), st.lists(_WORDS, max_size=8).map("".join))


@given(HOSTS, st.none() | st.integers(-1, 70_000), st.none() | st.sampled_from(["http", "https"]) | HOSTS)
def test_whatever_is_typed_is_refused_or_asked_for_alike_by_both_clients(
    host: str, port: int | None, schema: str | None
) -> None:
    try:
        found = base_url(host, port=port, schema=schema, api_key=EMULATOR_KEY)
    except PixVerseConfigurationError:
        return
    asked = f"{found}/account/balance"
    by_requests = requests.Request("GET", asked).prepare().url
    # As the asynchronous client does.
    by_aiohttp = str(URL(str(URL(found)) + "/account/balance", encoded=True))
    assert by_requests == by_aiohttp
    # What is in one form stays in it.
    assert base_url(found, api_key=EMULATOR_KEY) == found


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.0.3", "::1"])
def test_this_machine_is_recognised(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", [None, "", "0.0.0.0", "10.0.0.1", "localhost.example", "example.com", "::"])  # noqa: S104
def test_another_machine_is_not_taken_for_this_one(host: str | None) -> None:
    assert not is_loopback(host)


def test_the_key_is_not_shown_with_the_settings() -> None:
    settings = ClientSettings("sk-1234567890")
    assert "sk-1234567890" not in repr(settings)
    assert settings.on_loopback is False
    assert ClientSettings("k", "http://127.0.0.1:1/openapi/v2").on_loopback is True


def test_a_long_part_of_a_path_is_kept_out_of_texts_since_it_may_be_a_key() -> None:
    assert ClientSettings("k").secrets == ("k",)
    assert ClientSettings("k", f"https://gateway.example/pixverse/{SECRET}").secrets == ("k", SECRET)
