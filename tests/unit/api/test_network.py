"""One table of environments, and whoever reaches PixVerse in them: all take the same way, or none."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pixverse_provider.api.calls import balance_call
from pixverse_provider.api.client import PixVerseClient
from pixverse_provider.api.settings import ClientSettings
from tests.unit.api.reaching import (
    BASIC,
    KEY,
    USERINFO,
    WAYS,
    Seen,
    every_way,
    poll_in_triggerer,
    poll_in_worker,
    see,
)
from tests.unit.networks import HOST, IPV6_ADDRESS, LOOPBACK, PRIVATE_ADDRESS, Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.networks import World


@dataclass(frozen=True)
class Row:
    """An environment, and how everybody fares in it.

    :param env: of the process; names in braces stand for places of the world.
    :param via: the proxy that is asked; empty for the direct way.
    :param outcome: as of :class:`Seen`.
    :param says: what the proxy is told of who asks.
    :param url: that is asked for.
    """

    name: str
    env: dict[str, str] = field(default_factory=dict)
    via: str = ""
    outcome: str = "answered"
    says: str = ""
    url: str = f"https://{HOST}:{{port}}/openapi/v2"


TRUSTED = {"REQUESTS_CA_BUNDLE": "{ca}"}


def proxied(name: str, via: str = "proxy", *, says: str = "", outcome: str = "answered", **env: str) -> Row:
    return Row(name, TRUSTED | env, via, outcome, says)


def direct(name: str, *, host: str = HOST, **env: str) -> Row:
    return Row(name, TRUSTED | env, url=f"https://{host}:{{port}}/openapi/v2")


PROXIES = [
    direct("nothing at all"),
    proxied("a proxy", HTTPS_PROXY="http://{proxy}"),
    proxied("a proxy in lower case", https_proxy="http://{proxy}"),
    proxied("lower case counts", https_proxy="http://{proxy}", HTTPS_PROXY="http://{closed}"),
    proxied("a proxy without a scheme", HTTPS_PROXY="{proxy}"),
    proxied("a proxy without a scheme and with one label", HTTPS_PROXY="localhost:{proxy_port}"),
    proxied("a proxy with a slash and whitespace", HTTPS_PROXY=" http://{proxy}/ "),
    proxied("a proxy for everything", ALL_PROXY="http://{proxy}"),
    proxied("a proxy for everything, without a scheme", all_proxy="{proxy}"),
    proxied("one of its own counts", ALL_PROXY="http://{closed}", HTTPS_PROXY="http://{proxy}"),
    direct("a proxy for http only", HTTP_PROXY="http://{closed}"),
    direct("an empty proxy", HTTPS_PROXY=""),
    proxied("who asks", HTTPS_PROXY=f"http://{USERINFO}@{{proxy}}", says=BASIC),
    proxied("who asks, without a scheme", HTTPS_PROXY=f"{USERINFO}@{{proxy}}", says=BASIC),
    proxied(
        "who asks, in letters of another script",
        HTTPS_PROXY="http://worker:%E5%AF%86@{proxy}",
        says="Basic " + base64.b64encode("worker:密".encode()).decode(),
    ),
    proxied("a user without a password", HTTPS_PROXY="http://worker@{proxy}"),
    proxied("a proxy behind TLS", "tls_proxy", HTTPS_PROXY="https://{tls_proxy}"),
    proxied("a proxy behind TLS, by name", "tls_proxy", HTTPS_PROXY="https://localhost:{tls_proxy_port}"),
    proxied("who asks, behind TLS", "tls_proxy", HTTPS_PROXY=f"https://{USERINFO}@{{tls_proxy}}", says=BASIC),
    proxied(
        "a proxy behind TLS that nobody knows",
        "",
        HTTPS_PROXY="https://localhost:{strange_proxy_port}",
        outcome="failed",
    ),
    proxied("a proxy that does not listen", "", HTTPS_PROXY="http://{closed}", outcome="failed"),
    proxied("a proxy without an address", "", HTTPS_PROXY="http://proxy.invalid:3128", outcome="failed"),
    proxied("a proxy that hangs up", "hangs_up", HTTPS_PROXY="http://{hangs_up}", outcome="failed"),
    proxied("a proxy that wants a password", "says_407", HTTPS_PROXY="{says_407}", outcome="failed"),
    proxied("a proxy that forbids", "says_403", HTTPS_PROXY="http://{says_403}", outcome="failed"),
    proxied("a proxy that cannot", "says_502", HTTPS_PROXY="http://{says_502}", outcome="failed"),
    Row("a proxy that is no URL", TRUSTED | {"HTTPS_PROXY": "http://proxy.test:port"}, outcome="refused"),
    Row("a proxy without a host", TRUSTED | {"HTTPS_PROXY": "http://"}, outcome="refused"),
    Row("a proxy of another kind", TRUSTED | {"HTTPS_PROXY": "ftp://{proxy}"}, outcome="refused"),
]

BEHIND = {"HTTPS_PROXY": "http://{proxy}"}
EXCEPTIONS = [
    direct("an exception", NO_PROXY=HOST, **BEHIND),
    direct("an exception in lower case", no_proxy=HOST, **BEHIND),
    direct("one of several", NO_PROXY=f"example.com, {HOST}", **BEHIND),
    direct("a domain", NO_PROXY="pixverse.test", **BEHIND),
    direct("a domain with a dot", NO_PROXY=".pixverse.test", **BEHIND),
    direct("with the port", NO_PROXY=f"{HOST}:{{port}}", **BEHIND),
    direct("a domain with a dot and the port", NO_PROXY=".pixverse.test:{port}", **BEHIND),
    proxied("with another port", NO_PROXY=f"{HOST}:1", **BEHIND),
    proxied("the end of a name that is no domain", NO_PROXY="verse.test", **BEHIND),
    direct("everything", NO_PROXY="*", **BEHIND),
    direct("an address", host=PRIVATE_ADDRESS, NO_PROXY=PRIVATE_ADDRESS, **BEHIND),
    direct("a range of addresses", host=PRIVATE_ADDRESS, NO_PROXY="10.0.0.0/8", **BEHIND),
    Row(
        "another range of addresses",
        TRUSTED | BEHIND | {"NO_PROXY": "10.2.0.0/16"},
        "proxy",
        url=f"https://{PRIVATE_ADDRESS}:{{port}}/openapi/v2",
    ),
    Row("an IPv6 address", TRUSTED | BEHIND, "proxy", url=f"https://[{IPV6_ADDRESS}]:{{port}}/openapi/v2"),
    direct("this machine", host="127.0.0.1", HTTPS_PROXY="http://{closed}", ALL_PROXY="http://{closed}"),
]

CERTIFICATES = [
    Row("no CA", outcome="failed"),
    Row("the CA, as requests has it", {"REQUESTS_CA_BUNDLE": "{ca}"}),
    Row("the CA, as curl has it", {"CURL_CA_BUNDLE": "{ca}"}),
    Row("the CA, as OpenSSL has it", {"SSL_CERT_FILE": "{ca}"}),
    Row("a folder, as requests has it", {"REQUESTS_CA_BUNDLE": "{ca_folder}"}),
    Row("a folder, as curl has it", {"CURL_CA_BUNDLE": "{ca_folder}"}),
    Row("a folder, as OpenSSL has it", {"SSL_CERT_DIR": "{ca_folder}"}),
    Row("two folders, one of which is there", {"SSL_CERT_DIR": "{nothing}:{ca_folder}"}),
    Row("another CA", {"REQUESTS_CA_BUNDLE": "{other_ca}"}, outcome="failed"),
    Row("another CA, as curl has it", {"CURL_CA_BUNDLE": "{other_ca}"}, outcome="failed"),
    Row("another CA, as OpenSSL has it", {"SSL_CERT_FILE": "{other_ca}"}, outcome="failed"),
    Row("the first counts", {"REQUESTS_CA_BUNDLE": "{ca}", "CURL_CA_BUNDLE": "{other_ca}"}),
    Row(
        "the second does not",
        {"REQUESTS_CA_BUNDLE": "{other_ca}", "CURL_CA_BUNDLE": "{ca}", "SSL_CERT_FILE": "{ca}"},
        outcome="failed",
    ),
    Row("an empty variable is none", {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "{ca}"}),
    *(
        Row(f"{variable} names {what}", {variable: f"{{{what}}}"}, outcome="refused")
        for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
        for what in ("nothing", "text")
    ),
    Row("SSL_CERT_DIR names nothing", {"SSL_CERT_DIR": "{nothing}"}, outcome="refused"),
    Row("SSL_CERT_FILE names a folder", {"SSL_CERT_FILE": "{ca_folder}"}, outcome="refused"),
]

PASSWORDS = [
    direct("a .netrc with a default", NETRC="{netrc}"),
    proxied("a .netrc with a default, behind a proxy", NETRC="{netrc}", HTTPS_PROXY="{proxy}"),
]


@pytest.mark.parametrize("row", [*PROXIES, *EXCEPTIONS, *CERTIFICATES, *PASSWORDS], ids=lambda row: row.name)
def test_whoever_asks_takes_the_same_way(world: World, row: Row) -> None:
    world.set(**row.env)
    url = world.fill(row.url)
    target = url.removeprefix("https://").partition("/")[0]
    asked = ((row.via, Asked(f"CONNECT {target}", row.says)),) if row.via else ()
    expected = Seen(row.outcome, asked, frozenset())
    assert {name: see(world, way, url)[0] for name, way in WAYS.items()} == dict.fromkeys(WAYS, expected)


@pytest.mark.parametrize(
    ("env", "outcome"),
    [
        ({}, "answered"),
        ({"SSL_CERT_FILE": "{other_ca}"}, "answered"),
        ({"REQUESTS_CA_BUNDLE": "{other_ca}"}, "failed"),
        ({"CURL_CA_BUNDLE": "{other_ca}"}, "failed"),
    ],
    ids=["nothing", "the system's", "a bundle", "a bundle of curl"],
)
def test_the_certificates_that_requests_brings_count_unless_there_is_a_bundle(
    world: World, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], outcome: str
) -> None:
    for module in ("adapters", "utils"):
        monkeypatch.setattr(f"requests.{module}.DEFAULT_CA_BUNDLE_PATH", world.fill("{ca}"))
    world.set(**env)
    assert {name: see(world, way, world.url)[0].outcome for name, way in WAYS.items()} == dict.fromkeys(
        WAYS, outcome
    )


FORWARDED = [
    Row("nothing at all"),
    Row("a proxy", {"HTTP_PROXY": "http://{proxy}"}, "proxy"),
    Row("a proxy without a scheme", {"http_proxy": "{proxy}"}, "proxy"),
    Row("a proxy for everything", {"ALL_PROXY": "http://{proxy}"}, "proxy"),
    Row("a proxy for https only", {"HTTPS_PROXY": "http://{closed}"}),
    Row("who asks", {"HTTP_PROXY": f"http://{USERINFO}@{{proxy}}"}, "proxy", says=BASIC),
    Row("a proxy behind TLS", TRUSTED | {"HTTP_PROXY": "https://{tls_proxy}"}, "tls_proxy"),
    Row("a proxy behind TLS that nobody knows", {"HTTP_PROXY": "https://{tls_proxy}"}, outcome="failed"),
    Row("a proxy that wants a password", {"HTTP_PROXY": "{says_407}"}, "says_407", "failed"),
    Row("a .netrc with a default", {"NETRC": "{netrc}", "HTTP_PROXY": "http://{proxy}"}, "proxy"),
]


@pytest.mark.parametrize("row", FORWARDED, ids=lambda row: row.name)
def test_to_plain_http_a_proxy_hands_on_what_both_clients_send_it(world: World, row: Row) -> None:
    world.set(**row.env)
    url = f"http://{HOST}:{world.plain.port}/openapi/v2"
    asked = ((row.via, Asked(f"GET {url}/account/balance", row.says)),) if row.via else ()
    for way in (poll_in_worker, poll_in_triggerer):
        assert see(world, way, url)[0] == Seen(row.outcome, asked, frozenset())


@pytest.mark.parametrize("scheme", ["http", "https"])
@every_way
def test_an_emulator_on_this_machine_is_reached_whatever_proxy_is_set(
    world: World, way: Callable[[str], None], scheme: str
) -> None:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    world.set(REQUESTS_CA_BUNDLE="{ca}", **dict.fromkeys(names, "socks5://{closed}"))
    port = world.plain.port if scheme == "http" else world.pixverse.port
    assert see(world, way, f"{scheme}://{LOOPBACK}:{port}/openapi/v2")[0].outcome == "answered"


@every_way
def test_an_emulator_without_tls_needs_no_certificates(world: World, way: Callable[[str], None]) -> None:
    world.set(REQUESTS_CA_BUNDLE="{nothing}")
    assert see(world, way, f"http://{LOOPBACK}:{world.plain.port}/openapi/v2")[0].outcome == "answered"


def test_a_client_keeps_to_the_way_that_it_has_begun_with(world: World) -> None:
    world.set(HTTPS_PROXY="{proxy}", REQUESTS_CA_BUNDLE="{ca}")
    with PixVerseClient(ClientSettings(KEY, world.url)) as client:
        world.set(HTTPS_PROXY="{closed}", REQUESTS_CA_BUNDLE="{nothing}")
        assert client.call_once(balance_call()).total == 7


def test_many_requests_go_through_one_tunnel(world: World) -> None:
    world.set(HTTPS_PROXY="{proxy}", REQUESTS_CA_BUNDLE="{ca}")
    with PixVerseClient(ClientSettings(KEY, world.url)) as client:
        for _ in range(5):
            client.call_once(balance_call())
    assert len(world.proxies["proxy"].asked) == 1
    assert len(world.pixverse.requests) == 5
