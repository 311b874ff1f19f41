"""What an Airflow connection may hold, and what is said of one that cannot be used."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Connection
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.api.calls import balance_call
from pixverse_provider.api.pacing import RequestBudget
from pixverse_provider.api.settings import DEFAULT_BASE_URL, ClientSettings
from pixverse_provider.exceptions import (
    PixVerseConfigurationError,
    PixVerseError,
    PixVerseInvalidRequestError,
)
from pixverse_provider.get_provider_info import CONN_FIELDS
from pixverse_provider.hooks import pixverse
from pixverse_provider.hooks.connection import settings_from_connection
from pixverse_provider.hooks.pixverse import PixVerseHook
from tests.unit.connections import KEY, set_connection
from tests.unit.own_log import OwnLog
from tests.unit.scripted_server import answer, drop, raw, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.scripted_server import Behaviour, ScriptedServer

TIMEOUTS = "a number from 0.1 to 86400"
RATES = "a number from 0.01 to 10000"


def settings(**fields: Any) -> ClientSettings:
    return settings_from_connection(
        Connection(**({"conn_id": "pixverse_default", "conn_type": "pixverse", "password": KEY} | fields))
    )


def refusal_of(**fields: Any) -> str:
    with pytest.raises(PixVerseConfigurationError, match="'pixverse_default'") as caught:
        settings(**fields)
    assert KEY not in str(caught.value)
    # A cause would be printed with it.
    assert caught.value.__cause__ is None
    return str(caught.value)


class TestTheKey:
    def test_alone_leads_to_the_international_api(self) -> None:
        found = settings()
        assert (found.api_key, found.base_url, found.timeout) == (KEY, DEFAULT_BASE_URL, 30.0)
        assert (found.max_requests_per_second, found.refusal) == (None, None)

    def test_may_have_whitespace_around_it_which_is_a_slip_of_the_hand(self) -> None:
        assert settings(password=f" {KEY}\n").api_key == KEY

    @pytest.mark.parametrize("password", [None, "", "  ", "\n"])
    def test_that_is_missing_is_named(self, password: str | None) -> None:
        assert refusal_of(password=password) == (
            "The API key of connection 'pixverse_default' is empty: put the key from platform.pixverse.ai "
            "into the password."
        )

    def test_in_the_login_belongs_into_the_password(self) -> None:
        assert "move it from the login into the password" in refusal_of(password=None, login=KEY)

    def test_may_have_a_login_beside_it_which_is_not_used(self) -> None:
        assert settings(login="somebody").api_key == KEY

    @pytest.mark.parametrize(
        "password",
        [
            "two words",
            "ключ-123",
            "kéy",
            "a\nb-secret",
            "a\tb-secret",
            "a\x00b-secret",
            "a\x7fb",
            "\ud800",
            "a\xa0b",
        ],
    )
    def test_that_cannot_be_one_is_refused_and_not_shown(self, password: str) -> None:
        text = refusal_of(password=password)
        assert "copy it once more" in text
        assert password not in text

    def test_that_is_a_web_address_has_changed_places_with_it(self) -> None:
        text = refusal_of(password="https://app-api.pixverse.ai", host=KEY)
        assert "is a web address: put that into the host" in text

    @pytest.mark.parametrize("password", [12345678, ["k"], b"key", True], ids=repr)
    def test_that_is_no_text_is_refused(self, password: Any) -> None:
        text = refusal_of(password=password)
        assert text.startswith("The password of connection 'pixverse_default' must be a text, not ")
        assert repr(password) not in text


class TestTheBaseUrl:
    """More of it: ``tests/unit/api/test_settings.py``."""

    @pytest.mark.parametrize(
        ("fields", "base_url"),
        [
            ({"host": "https://gw", "port": 8443}, "https://gw:8443/openapi/v2"),
            ({"host": "https://gw", "port": "8443"}, "https://gw:8443/openapi/v2"),
            ({"host": "gw.example.com", "port": 443}, "https://gw.example.com/openapi/v2"),
            (
                {"host": "gw.example.com", "port": 8443, "schema": "https"},
                "https://gw.example.com:8443/openapi/v2",
            ),
            ({"host": "gw.example.com/openapi/v2", "port": ""}, "https://gw.example.com/openapi/v2"),
            ({"host": "::1", "port": 8484, "schema": "http"}, "http://[::1]:8484/openapi/v2"),
        ],
    )
    def test_may_stand_in_several_fields(self, fields: dict[str, Any], base_url: str) -> None:
        assert settings(**fields).base_url == base_url

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"host": "https://gw:8443", "port": 9443}, "names port 8443, and the port of its own is 9443"),
            (
                {"host": "gw", "port": "9" * 5000},
                "port of connection 'pixverse_default' must be a number, not str",
            ),
            ({"host": "gw", "port": "\uff18\uff14"}, "must be a number, not '"),
            ({"host": "gw", "port": KEY}, "must be a number, not str"),
            ({"host": "gw", "port": 84.5}, "must be a number, not 84.5"),
            ({"host": "gw", "port": True}, "must be a number, not True"),
            ({"host": 5}, "host of connection 'pixverse_default' must be a text, not int: put it in quotes"),
            ({"host": "gw", "schema": b"https"}, "schema of connection 'pixverse_default' must be a text"),
            ({"host": "http://10.0.0.1:8000"}, "in plain text"),
            ({"host": f"https://{KEY}@gw"}, "user name"),
            ({"host": f"https://gw/openapi/v2?key={KEY}"}, "query"),
            ({"host": f"https://gw/{KEY}/openapi/v2"}, "holds the API key"),
            ({"host": KEY}, "a single word without https://"),
        ],
    )
    def test_that_cannot_be_used_is_named(self, fields: dict[str, Any], said: str) -> None:
        assert said in refusal_of(**fields)

    def test_of_an_emulator_in_another_container_may_be_plain_http(self) -> None:
        found = settings(host="emulator", port=8484, schema="http", password="pixverse-emulator-key")
        assert found.base_url == "http://emulator:8484/openapi/v2"


class TestTheExtras:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            (5, 5.0),
            (0.1, 0.1),
            (86_400, 86_400.0),
            ("12.5", 12.5),
            (" 30 ", 30.0),
            ("3e1", 30.0),
            (".5", 0.5),
            ("+5.", 5.0),
            (None, 30.0),
            ("", 30.0),
            (" ", 30.0),
        ],
        ids=repr,
    )
    def test_may_be_a_number_or_its_text_or_left_empty(self, value: Any, seconds: float) -> None:
        assert settings(extra=json.dumps({"timeout": value})).timeout == seconds

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (0, "0"),
            (-1, "-1"),
            (1e10, "10000000000.0"),
            (1e-300, "1e-300"),
            (10**400, "1000"),
            (float("nan"), "nan"),
            (float("inf"), "inf"),
            (True, "True"),
            (False, "False"),
            ("soon", "'soon'"),
            ("nan", "'nan'"),
            ("1_0", "'1_0'"),
            ("\uff13\uff10", "'\uff13\uff10'"),
            ("30 s", "'30 s'"),
            ("-1", "'-1'"),
            (KEY, "str"),
            ([5], "list"),
            ({"key": KEY}, "dict"),
        ],
        ids=lambda value: repr(value)[:20],
    )
    def test_that_are_no_number_in_range_are_named_with_the_range(self, value: Any, shown: str) -> None:
        for name, expected in (("timeout", TIMEOUTS), ("max_requests_per_second", RATES)):
            text = refusal_of(extra=json.dumps({name: value}))
            start = f"The extra {name!r} of connection 'pixverse_default' must be {expected}, not {shown}"
            assert text.startswith(start)

    @pytest.mark.parametrize(
        ("extra", "kind"),
        [
            ("[1]", "list"),
            ('["timeout"]', "list"),
            ('"timeout"', "text"),
            ('""', "text"),
            ("5", "5"),
            ("0", "0"),
            ("true", "True"),
            ("NaN", "nan"),
            ("timeout=30", "text that is no JSON"),
            ('{"timeout": 30', "text that is no JSON"),
            ("{'timeout': 30}", "text that is no JSON"),
            (f'{{"key": {KEY}}}', "text that is no JSON"),
            ("[" * 100_000, "text that is no JSON"),
            ("9" * 5000, "text that is no JSON"),
            (["timeout"], "list"),
            (5, "5"),
            (b"{}", "bytes"),
        ],
        ids=lambda value: repr(value)[:30],
    )
    def test_that_are_no_object_are_named(self, extra: Any, kind: str) -> None:
        assert refusal_of(extra=extra) == (
            "The extra of connection 'pixverse_default' must be a JSON object, such as {\"timeout\": 30}, "
            f"not {kind}."
        )

    @pytest.mark.parametrize(
        "extra", [None, "", " ", "{}", "null", {}, '{"region": "eu", "Timeout": 5}'], ids=repr
    )
    def test_may_be_missing_or_unknown(self, extra: Any) -> None:
        assert settings(extra=extra).timeout == 30.0

    def test_that_no_one_can_look_at_are_an_error_of_the_connection_and_their_secrets_are_not_shown(
        self,
    ) -> None:
        class Broken(dict[str, Any]):
            def keys(self) -> Any:
                raise RuntimeError(KEY)

            __iter__ = keys

        with pytest.raises(PixVerseConfigurationError) as caught, not_shown(KEY):
            settings(extra=Broken())
        assert str(caught.value) == (
            "The connection 'pixverse_default' cannot be read (RuntimeError): make its fields texts, its "
            "port a number and its extra a JSON object."
        )

    def test_may_come_as_an_object(self) -> None:
        assert settings(extra={"timeout": 5}).timeout == 5.0


class TestTheType:
    @pytest.mark.parametrize("conn_type", [None, "", " ", "pixverse", "PixVerse", "PIXVERSE", " pixverse\n"])
    def test_none_and_its_own_in_any_case_are_right(
        self, monkeypatch: pytest.MonkeyPatch, log: OwnLog, conn_type: str | None
    ) -> None:
        set_connection(monkeypatch, None, conn_type=conn_type)
        with PixVerseHook() as hook:
            hook.get_conn()
        assert log.lines == []

    @pytest.mark.parametrize("conn_type", ["generic", "Generic"])
    def test_generic_is_warned_about_once_in_a_process(
        self, monkeypatch: pytest.MonkeyPatch, log: OwnLog, conn_type: str
    ) -> None:
        set_connection(monkeypatch, None, conn_type=conn_type)
        for _ in range(2):
            with PixVerseHook() as hook:
                hook.get_conn()
            asyncio.run(make_and_close())
        said = (
            "The Airflow connection 'pixverse_default' is of type 'generic': its password is sent to "
            "PixVerse as the API key. Set its type to 'pixverse'."
        )
        assert log.lines == [("WARNING", said)]

    def test_an_extra_that_is_not_known_is_warned_about_once(
        self, monkeypatch: pytest.MonkeyPatch, log: OwnLog
    ) -> None:
        extra = {"Timeout": 5, "timeout": 7, "proxy": "http://user:s3cr3t@proxy", "verify": False, "rps": 1}
        set_connection(monkeypatch, None, extra=extra)
        for _ in range(2):
            with PixVerseHook() as hook:
                hook.get_conn()
        said = (
            "The extra of the Airflow connection 'pixverse_default' has 'Timeout', 'proxy', 'verify', …, "
            "which is left aside: timeout and max_requests_per_second are read. Proxies and certificates "
            "come from the environment."
        )
        assert log.lines == [("WARNING", said)]

    def test_that_is_another_is_refused_by_name(self) -> None:
        assert settings(conn_type="aws").refusal == (
            "The Airflow connection 'pixverse_default' is of type 'aws', and its password would be sent to "
            "PixVerse as the API key: name a connection of type 'pixverse' in pixverse_conn_id. Where its "
            "password is a key of PixVerse, set its type to 'pixverse'."
        )

    @pytest.mark.parametrize("conn_type", ["google_cloud_platform", "s3", "pixverse2", "http", 5], ids=repr)
    def test_is_shown(self, conn_type: Any) -> None:
        assert f"is of type {conn_type!r}, and" in str(settings(conn_type=conn_type).refusal)

    def test_that_a_key_was_pasted_into_is_not(self) -> None:
        assert "is of another type, and" in str(settings(conn_type=KEY).refusal)


def test_an_emulator_that_is_reached_by_plain_http_is_named_once_as_such(
    monkeypatch: pytest.MonkeyPatch, log: OwnLog
) -> None:
    set_connection(monkeypatch, "http://emulator:8484", password="pixverse-emulator-key")
    for _ in range(2):
        with PixVerseHook() as hook:
            hook.get_conn()
    ((level, line),) = log.lines
    assert (level, "its videos are not real" in line) == ("WARNING", True)


def test_what_is_wrong_with_a_connection_fails_the_task_at_once() -> None:
    assert issubclass(PixVerseConfigurationError, AirflowFailException)


class TestAMessage:
    """Names the connection, and shows nothing of what somebody may have put into the wrong field."""

    @pytest.mark.parametrize(
        ("behaviour", "said"),
        [
            (refusal(400012), "into the password of the Airflow connection 'pixverse_eu'. Trace id"),
            (refusal(10005), "into the password of the Airflow connection 'pixverse_eu'. Trace id"),
            (answer("", 401), "into the password of the Airflow connection 'pixverse_eu'. Trace id"),
            (answer("", 403), "into the password of the Airflow connection 'pixverse_eu'. Trace id"),
            (answer("", 404), "Check the Base URL (host) of the Airflow connection 'pixverse_eu'. Trace id"),
            (
                answer("", 302, Location="/"),
                "Check the Base URL (host) of the Airflow connection 'pixverse_eu'.",
            ),
        ],
    )
    def test_about_the_key_or_the_base_url_names_the_connection_in_both_clients(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, said: str
    ) -> None:
        set_connection(monkeypatch, server.url, conn_id="pixverse_eu")
        server.will(behaviour, behaviour)
        with PixVerseHook("pixverse_eu") as hook, pytest.raises(PixVerseError) as caught:
            hook.poll_balance()
        assert said in str(caught.value)
        with pytest.raises(PixVerseError) as caught:
            asyncio.run(balance("pixverse_eu"))
        assert said in str(caught.value)

    @pytest.mark.parametrize(
        "trouble", [None, drop, raw(b"HTTP/1.1 banana\r\n\r\n")], ids=["nobody listens", "dropped", "no HTTP"]
    )
    def test_of_a_failed_request_shows_no_key_that_stands_in_the_path(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, trouble: Behaviour | None
    ) -> None:
        other = "sk-another-key-0123456789"
        url = server.url
        if trouble is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        else:
            server.will(*[trouble] * 3)
        set_connection(monkeypatch, f"{url}/{other}")
        with PixVerseHook() as hook:
            for poll in (hook.poll_balance, lambda: asyncio.run(balance("pixverse_default"))):
                with pytest.raises(PixVerseError) as caught:
                    poll()
                text = "".join(traceback.format_exception(caught.value))
                assert f"could not be reached at {url} to" in text
                assert other not in text


class TestTheIdOfAConnection:
    @pytest.mark.parametrize(
        "conn_id", [None, "", " ", 5, ["pixverse_default"], b"pixverse_default"], ids=repr
    )
    def test_that_is_none_is_named(self, conn_id: Any) -> None:
        for read in (PixVerseHook(conn_id).get_conn, lambda: asyncio.run(make_and_close(conn_id))):
            with pytest.raises(PixVerseInvalidRequestError, match=r"^pixverse_conn_id must be the id of an"):
                read()
        assert PixVerseHook(conn_id).test_connection()[0] is False

    def test_that_is_very_long_is_told_in_a_short_sentence(self) -> None:
        _, text = PixVerseHook("x" * 100_000).test_connection()
        assert text.startswith(f"The Airflow connection '{'x' * 79}… does not exist")
        assert len(text) < 400

    @pytest.mark.parametrize(
        "conn_id", ["a\x00b", "\ud800", "x" * 100_000, "a=b", "../etc", "{{ x }}"], ids=len
    )
    def test_that_no_connection_has_is_said_so(self, conn_id: str) -> None:
        works, text = PixVerseHook(conn_id).test_connection()
        assert (works, "does not exist or cannot be read now" in text) == (False, True)


# Values that a field of a connection may have, whoever made it.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=5),
    st.sampled_from(
        [
            "https://gw",
            "http://localhost:1",
            "::1",
            KEY,
            f"https://{KEY}@gw",
            "pixverse",
            "generic",
            "8443",
            "http",
        ]
    ),
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(max_size=5), SCALARS, max_size=2)
)
EXTRAS = st.one_of(
    VALUES,
    st.fixed_dictionaries({}, optional=dict.fromkeys(CONN_FIELDS, VALUES)),
    st.fixed_dictionaries({}, optional=dict.fromkeys(CONN_FIELDS, st.floats())).map(json.dumps),
)
FIELDS = st.fixed_dictionaries(
    {"password": st.just(KEY) | VALUES},
    optional=dict.fromkeys(("conn_type", "host", "schema", "login"), VALUES)
    | {"port": st.integers(0, 65_535) | VALUES, "extra": EXTRAS},
)


@contextlib.contextmanager
def not_shown(key: str) -> Iterator[None]:
    """Let an error pass that does not show the key, its causes included."""
    try:
        yield
    except Exception as err:
        shown = "".join(traceback.format_exception(err))
        if key in shown:
            raise AssertionError(shown) from None
        raise


def check_usable(found: ClientSettings) -> None:
    """Do with settings what both clients do with them before anything is sent."""
    assert found.base_url.isascii()
    budget = RequestBudget(found.max_requests_per_second)
    assert 0 <= budget.take(0.0) + budget.take(0.0) <= 200
    with socket.socket() as probe:
        probe.settimeout(found.timeout)
    f"API-KEY: {found.api_key}".encode("latin-1")


class TestWhateverIsInAConnection:
    @given(FIELDS)
    def test_makes_it_usable_or_is_an_error_of_the_family_that_does_not_show_the_key(
        self, fields: dict[str, Any]
    ) -> None:
        with contextlib.suppress(PixVerseConfigurationError), not_shown(KEY):
            check_usable(settings(**fields))

    @given(FIELDS.map(lambda fields: json.dumps(fields, default=repr)) | st.text(max_size=60))
    def test_as_json_is_read_or_is_an_error_of_the_family(self, text: str) -> None:
        self._check(text)

    @given(
        st.lists(
            st.sampled_from(
                ["pixverse", "aws", "://", ":", "@", "/", "?", "&", "=", "[", "]", "%", "%2F", "#", " "]
            )
            | st.sampled_from([KEY, "gw", "8443", "::1", "http", quote("https://gw", safe="")])
            | st.sampled_from(["timeout=30", "timeout=x", "__extra__=[1]", "__extra__=%7B"])
            | st.text(max_size=3),
            max_size=9,
        ).map("".join)
    )
    def test_as_a_uri_is_read_or_is_an_error_of_the_family(self, text: str) -> None:
        self._check(text)

    def _check(self, text: str) -> None:
        # Airflow writes a traceback about each extra that is no JSON.
        logging.disable(logging.CRITICAL)
        try:
            with pytest.MonkeyPatch.context() as environment:
                try:
                    environment.setenv("AIRFLOW_CONN_PIXVERSE_DEFAULT", text)
                except (UnicodeEncodeError, ValueError):
                    return  # no environment can hold it
                with contextlib.suppress(PixVerseError), not_shown(KEY), PixVerseHook() as hook:
                    hook.get_conn()
        finally:
            logging.disable(logging.NOTSET)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> OwnLog:
    monkeypatch.setattr(pixverse, "_said", set())
    log = OwnLog()
    log.install(monkeypatch, PixVerseHook)
    return log


async def make_and_close(conn_id: str = "pixverse_default") -> None:
    client = await PixVerseHook(conn_id).get_async_conn()
    await client.close()


async def balance(conn_id: str) -> None:
    async with await PixVerseHook(conn_id).get_async_conn() as client:
        await client.call_once(balance_call())
