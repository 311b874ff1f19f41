from __future__ import annotations

import pytest

from pixverse_provider.api.settings import DEFAULT_BASE_URL, ClientSettings, is_loopback, normalise_base_url
from pixverse_provider.exceptions import PixVerseConfigurationError
from tests.unit.openapi import contract

WHERE = "connection 'pixverse_default'"


def test_the_default_is_the_documented_international_api() -> None:
    assert contract()["servers"][0]["url"] == DEFAULT_BASE_URL


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        (None, DEFAULT_BASE_URL),
        ("", DEFAULT_BASE_URL),
        ("  ", DEFAULT_BASE_URL),
        ("https://app-api.pixverse.ai", DEFAULT_BASE_URL),
        ("https://app-api.pixverse.ai/", DEFAULT_BASE_URL),
        ("https://app-api.pixverse.ai/openapi/v2/", DEFAULT_BASE_URL),
        (" https://app-api.pixverseai.cn ", "https://app-api.pixverseai.cn/openapi/v2"),
        ("HTTPS://proxy.example:8443", "https://proxy.example:8443/openapi/v2"),
        ("https://proxy.example/pixverse/", "https://proxy.example/pixverse"),
        ("http://localhost:8000", "http://localhost:8000/openapi/v2"),
        ("http://LOCALHOST:8000", "http://LOCALHOST:8000/openapi/v2"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/openapi/v2"),
        ("http://127.9.9.9", "http://127.9.9.9/openapi/v2"),
        ("http://[::1]:8000", "http://[::1]:8000/openapi/v2"),
    ],
)
def test_a_base_url_is_brought_to_one_form(host: str | None, base_url: str) -> None:
    assert normalise_base_url(host, WHERE) == base_url


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("http://app-api.pixverse.ai", "in plain text"),
        ("http://10.0.0.1:8000", "in plain text"),
        ("http://0.0.0.0:8000", "in plain text"),
        ("http://localhost.evil.example", "in plain text"),
        ("http://127.0.0.1.evil.example", "in plain text"),
        ("http://[2001:db8::1]", "in plain text"),
        ("app-api.pixverse.ai", "must be a URL"),
        ("ftp://app-api.pixverse.ai", "must be a URL"),
        ("https://", "must be a URL"),
        ("https:///openapi/v2", "must be a URL"),
        ("https://[::1", "must be a URL"),
        ("https://proxy.example:port", "must be a URL"),
        ("https://proxy.example:99999", "must be a URL"),
        ("https://user:secret@proxy.example", "user name"),
        ("http://localhost@evil.example", "user name"),
        ("https://proxy.example?key=secret", "query"),
        ("https://proxy.example#secret", "query"),
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused_with_the_way_out(host: str, said: str) -> None:
    with pytest.raises(PixVerseConfigurationError) as caught:
        normalise_base_url(host, WHERE)
    assert said in str(caught.value)
    assert WHERE in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_password_in_a_url_of_another_kind_is_not_shown() -> None:
    with pytest.raises(PixVerseConfigurationError) as caught:
        normalise_base_url("ftp://user:secret@proxy.example", WHERE)
    assert "secret" not in str(caught.value)


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
