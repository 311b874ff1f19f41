"""The network as the environment of a process describes it: one description, which both clients obey.

Proxies and their exceptions are read by the functions of ``requests``, CA bundles by its variables and those
of OpenSSL. Nothing reads a ``.netrc``: its password would go to PixVerse and to the media host.
"""

from __future__ import annotations

import base64
import importlib.util
import os
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from pixverse_provider.api.reasons import causes, described
from pixverse_provider.api.settings import is_loopback
from pixverse_provider.exceptions import PixVerseConfigurationError

if TYPE_CHECKING:
    import ssl

__all__ = [
    "Network",
    "NetworkFailure",
    "Proxy",
    "authorization",
    "connect_timeout",
    "names_a_socks_proxy",
]

_LONGEST_CONNECT = 10.0
_HTTP_PROXIES = ("http", "https")
_SOCKS_PROXIES = ("socks4", "socks4a", "socks5", "socks5h")
# As requests reads them: the first that is set, and nothing beside it.
_CA_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# X509_V_ERR_… of OpenSSL for a certificate of an issuer that is not trusted, or not known.
_UNKNOWN_ISSUER = (2, 18, 19, 20, 21)


def connect_timeout(timeout: float) -> float:
    """Return the seconds in which a connection must stand, where its answer may take ``timeout`` seconds."""
    return min(_LONGEST_CONNECT, timeout)


def names_a_socks_proxy() -> bool:
    """Tell whether the environment of this process names a SOCKS proxy, for whatever."""
    from urllib.request import getproxies

    return any(value.strip().lower().startswith("socks") for value in getproxies().values())


def authorization(userinfo: str) -> dict[str, str]:
    """Return the header that tells an HTTP proxy who asks; empty without a password, as in ``requests``.

    :param userinfo: ``user:password``, percent-encoded.
    """
    user, colon, password = userinfo.partition(":")
    if not user or not colon:
        return {}
    pair = f"{unquote(user)}:{unquote(password)}"
    try:
        token = pair.encode("latin-1")
    except UnicodeEncodeError:
        # Where requests fails.
        token = pair.encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(token).decode()}"}


@dataclass(frozen=True)
class Proxy:
    """A proxy; user name and password are in no text of it.

    :param scheme: of the connection to the proxy.
    :param host: name or address, an IPv6 address without brackets.
    :param port: None for the default of the scheme.
    :param variable: name of the variable that it comes from.
    :param userinfo: ``user:password``, percent-encoded; empty without.
    """

    scheme: str
    host: str
    port: int | None
    variable: str
    userinfo: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"the proxy {self.url} of {self.variable}"

    @property
    def url(self) -> str:
        """Where it is, without user name and password."""
        return f"{self.scheme}://{self._place}"

    @property
    def url_with_userinfo(self) -> str:
        """Where it is, as ``requests`` wants it; never for a message."""
        return f"{self.scheme}://{self.userinfo}@{self._place}" if self.userinfo else self.url

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS and not HTTP."""
        return self.scheme in _SOCKS_PROXIES

    @property
    def headers(self) -> dict[str, str]:
        """What an HTTP proxy is told beside the request: who asks."""
        return {} if self.is_socks else authorization(self.userinfo)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no text may show."""
        tokens = (value.removeprefix("Basic ") for value in self.headers.values())
        return tuple(text for text in (self.userinfo, unquote(self.userinfo), *tokens) if text)

    @property
    def _place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


@dataclass(frozen=True)
class NetworkFailure:
    """Why there is no connection.

    :param reason: what happened and what would help, in one line without secrets.
    :param http_status: with which a proxy refused the tunnel.
    """

    reason: str
    http_status: int | None = None


class Network:
    """The way from this process to any host: through which proxy, and whom to trust there.

    What it has told once it tells again, so that a client does not change on its way.

    :param process: whose environment it is, in words for messages.
    :param for_trigger: whether it is for the client of a trigger, which knows no SOCKS.
    """

    def __init__(self, process: str = "this process", *, for_trigger: bool = False) -> None:
        self._process = process
        self._for_trigger = for_trigger
        self._proxies: dict[str, Proxy | None] = {}

    def prepare(self, url: str) -> Self:
        """Decide now all that it takes to reach a URL.

        :raises PixVerseConfigurationError: where the environment names what cannot be used.
        """
        self.tls_for(url)
        return self

    def tls_for(self, url: str) -> ssl.SSLContext | None:
        """Return what to connect with on the way to a URL; None where nothing on it speaks TLS.

        :raises PixVerseConfigurationError: where the environment names what cannot be used.
        """
        proxy = self.proxy_for(url)
        speaks_tls = "https" in (urlsplit(url).scheme, None if proxy is None else proxy.scheme)
        return self.tls if speaks_tls else None

    def proxy_for(self, url: str) -> Proxy | None:
        """Return the proxy on the way to a URL, None where there is none; this machine is never behind one.

        :raises PixVerseConfigurationError: where it cannot be used.
        """
        origin = urlsplit(url)._replace(path="", query="", fragment="").geturl()
        if origin not in self._proxies:
            self._proxies[origin] = self._find_proxy(origin)
        return self._proxies[origin]

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Who is trusted: what a CA bundle of the environment holds, else the system's store and certifi's.

        :raises PixVerseConfigurationError: where the environment names certificates that cannot be read.
        """
        import ssl

        bundle = _first_set(_CA_BUNDLES)
        if bundle is not None:
            context = self._trusting(bundle)
        else:
            from requests.utils import DEFAULT_CA_BUNDLE_PATH

            # OpenSSL says nothing where it cannot read what these name.
            for variable in filter(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")):
                self._trusting(variable)
            context = ssl.create_default_context()
            # The store of the system is empty in many containers.
            context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
        context.hostname_checks_common_name = False
        context.set_alpn_protocols(["http/1.1"])
        return context

    def failure(
        self, url: str, error: BaseException, *, at_proxy: bool = False, tunnel_status: int | None = None
    ) -> NetworkFailure:
        """Say why a connection could not be made.

        :param error: of the HTTP library; nothing of its text is shown but what OpenSSL found.
        :param at_proxy: whether it was the proxy that could not be reached.
        :param tunnel_status: with which HTTP status the proxy refused to connect to the host.
        """
        proxy = self.proxy_for(url)
        if proxy is not None and tunnel_status is not None:
            return NetworkFailure(self._refused_tunnel(proxy, tunnel_status), tunnel_status)
        name = described(error)
        for cause in causes(error):
            # Of ssl.SSLCertVerificationError; one of aiohttp derives from it and has none.
            if hasattr(cause, "verify_message"):
                whose = str(proxy) if proxy is not None and at_proxy else str(urlsplit(url).hostname)
                return NetworkFailure(self._refused_certificate(whose, cause))
            if isinstance(cause, OSError) and type(cause).__module__ in ("builtins", "socket", "ssl"):
                # The same from either library.
                name = described(cause)
        if proxy is None:
            return NetworkFailure(name)
        return NetworkFailure(
            f"{proxy} could not be reached: {name}" if at_proxy else f"{name}, through {proxy}"
        )

    def _refused_tunnel(self, proxy: Proxy, status: int) -> str:
        try:
            phrase = f" {HTTPStatus(status).phrase}"
        except ValueError:
            phrase = ""
        remedy = ""
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            wanted = "a user name and password that it takes" if proxy.headers else "user name and password"
            remedy = f": put {wanted} into {proxy.variable} of {self._process}"
        elif status < HTTPStatus.INTERNAL_SERVER_ERROR:
            remedy = ": it must allow tunnels to this host"
        return f"{proxy} refused the tunnel with HTTP {status}{phrase}{remedy}"

    def _refused_certificate(self, whose: str, error: Any) -> str:
        said = f"the certificate of {whose} was not accepted, {error.verify_message}"
        if error.verify_code not in _UNKNOWN_ISSUER:
            return said
        variable = _first_set(_CA_BUNDLES) or "REQUESTS_CA_BUNDLE or SSL_CERT_FILE"
        return f"{said}: let {variable} of {self._process} name a file with the CA that it comes from"

    def _find_proxy(self, origin: str) -> Proxy | None:
        from requests.utils import get_environ_proxies, select_proxy

        if is_loopback(urlsplit(origin).hostname):
            return None
        value = select_proxy(origin, get_environ_proxies(origin))
        if not value:
            return None
        proxy = self._read_proxy(value, _variable_of(urlsplit(origin).scheme, value))
        if proxy.is_socks and self._for_trigger:
            raise PixVerseConfigurationError(
                f"{_capitalised(proxy)} in the environment of {self._process} is a SOCKS proxy, which a wait "
                "in the triggerer cannot use: name an HTTP proxy, or set deferrable=False."
            )
        if proxy.is_socks and importlib.util.find_spec("socks") is None:
            raise PixVerseConfigurationError(
                f"{_capitalised(proxy)} in the environment of {self._process} is a SOCKS proxy, for which "
                "PySocks is not installed: pip install 'requests[socks]', or name an HTTP proxy."
            )
        return proxy

    def _read_proxy(self, value: str, variable: str) -> Proxy:
        """Return what the value of a variable means; without a scheme it is a host that speaks HTTP."""
        from urllib3.exceptions import LocationParseError
        from urllib3.util import parse_url

        text = value.strip()
        try:
            parts = parse_url(text if "://" in text else f"http://{text.lstrip('/')}")
        except LocationParseError:
            parts = None
        scheme = "" if parts is None else parts.scheme or ""
        # In a password that is not percent-encoded, what comes before one of these reads as a host.
        is_cut = parts is not None and (
            "\\" in text or bool(parts.query or parts.fragment) or parts.path not in (None, "", "/")
        )
        if parts is None or is_cut or not parts.host or scheme not in _HTTP_PROXIES + _SOCKS_PROXIES:
            # Not shown and not chained: it may hold a password.
            raise PixVerseConfigurationError(
                f"{variable} in the environment of {self._process} is not the URL of a proxy, such as "
                "http://user:password@proxy.example:3128: correct or unset it (what is special in a URL is "
                "percent-encoded in user name and password)."
            )
        return Proxy(scheme, parts.host.strip("[]"), parts.port, variable, parts.auth or "")

    def _trusting(self, variable: str) -> ssl.SSLContext:
        """Return a context that trusts what a variable names, a file or a folder, and nothing else."""
        import ssl

        value = os.environ[variable]
        try:
            if variable == "SSL_CERT_DIR":
                folders = value.split(os.pathsep)
                # One of several may be missing, as OpenSSL has it.
                value = next((folder for folder in folders if Path(folder).is_dir()), value)
                next(Path(value).iterdir(), None)
            elif variable == "SSL_CERT_FILE" or not Path(value).is_dir():
                return ssl.create_default_context(cafile=value)
            return ssl.create_default_context(capath=value)
        except ssl.SSLError:
            why = "holds no certificate in PEM form"
        except OSError as err:
            why = f"cannot be read ({err.strerror or type(err).__name__})"
        raise PixVerseConfigurationError(
            f"{variable} in the environment of {self._process} is {value!r}, which {why}: let it name "
            "certificates in PEM form, or unset it."
        )


def _first_set(variables: tuple[str, ...]) -> str | None:
    return next(filter(os.environ.get, variables), None)


def _variable_of(scheme: str, value: str) -> str:
    """Return the name of the variable that a proxy comes from."""
    for wanted in (f"{scheme}_proxy", "all_proxy"):
        for name in os.environ:
            if name.lower() == wanted and os.environ[name] == value:
                return name
    return f"the system's settings for {scheme}"


def _capitalised(proxy: Proxy) -> str:
    text = str(proxy)
    return text[0].upper() + text[1:]
