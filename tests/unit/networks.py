"""A network on loopback: a CA, proxies that speak HTTP, TLS or SOCKS, and names that lead to this machine."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os
import select
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.scripted_server import ScriptedServer, answer, success

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.unit.scripted_server import Behaviour, Received

LOOPBACK = "127.0.0.1"
HOST = "api.pixverse.test"
# Where names lead; of nobody (RFC 5737).
NOWHERE = "198.51.100.7"
PRIVATE_ADDRESS = "10.1.2.3"
IPV6_ADDRESS = "2001:db8::7"
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(100)
CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Authority:
    """A CA that nobody knows, such as a company's own.

    :param folder: takes its certificate, and those that it gives.
    :param name: in lower case.
    :param name: in lower case.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        pem = own.public_bytes(serialization.Encoding.PEM)
        self.bundle = folder / f"{name}.pem"
        self.bundle.write_bytes(pem)
        # As OpenSSL looks for it there: the hash of its name in lower case, without the outermost header.
        self.folder = folder / name
        self.folder.mkdir()
        digest = hashlib.sha1(self._name.public_bytes()[2:], usedforsecurity=False).digest()
        (self.folder / f"{int.from_bytes(digest[:4], 'little'):08x}.0").write_bytes(pem)

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Return what a server of these names, or addresses, proves itself with."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(
            subject, key, x509.BasicConstraints(ca=False, path_length=None), *map(_general_name, names)
        )
        path = self._folder / f"{names[0]}-{certificate.serial_number}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        constraints: x509.BasicConstraints,
        *names: x509.GeneralName,
    ) -> x509.Certificate:
        # Without the extensions that RFC 5280 asks for, Python 3.13 takes none of them.
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(constraints, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if constraints.ca:
            usage = {"key_cert_sign": True, "crl_sign": True, "digital_signature": False}
        else:
            usage = {"key_cert_sign": False, "crl_sign": False, "digital_signature": True}
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(
            x509.KeyUsage(
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
                **usage,
            ),
            critical=True,
        )
        return builder.sign(self._key, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass(frozen=True)
class Asked:
    """What a proxy was asked for.

    :param request: method and target.
    :param authorization: user and password as they were sent; the header of HTTP, the pair of SOCKS.
    """

    request: str
    authorization: str = ""


@dataclass
class ProxyServer:
    """A proxy for every host, which it finds on this machine.

    :param tls: speak TLS with clients.
    :param refuses: status instead of a tunnel, or of an answer.
    :param hangs_up: close the connection instead.
    :param established: what is said where a tunnel stands.
    """

    tls: ssl.SSLContext | None = None
    refuses: int | None = None
    hangs_up: bool = False
    established: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = _Server((LOOPBACK, 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def serve(self, client: socket.socket) -> None:
        """Serve one connection."""
        if self.tls is not None:
            client = self.tls.wrap_socket(client, server_side=True)
        with client, client.makefile("rb") as lines:
            method, target, _ = lines.readline().decode("latin-1").split()
            headers = {}
            while line := lines.readline().strip().decode("latin-1"):
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            self.asked.append(Asked(f"{method} {target}", headers.pop("proxy-authorization", "")))
            if self.hangs_up:
                return
            if self.refuses is not None:
                phrase = HTTPStatus(self.refuses).phrase
                client.sendall(f"HTTP/1.1 {self.refuses} {phrase}\r\nContent-Length: 0\r\n\r\n".encode())
                return
            place = target if method == "CONNECT" else target.split("/")[2]
            with socket.create_connection((LOOPBACK, int(place.rpartition(":")[2]))) as server:
                if method == "CONNECT":
                    client.sendall(self.established)
                else:
                    path = "/" + target.split("/", 3)[3]
                    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                    server.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
                    server.sendall(lines.read(int(headers.get("content-length", 0))))
                _relay(client, server)

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy.serve(self.request)

        return Handler


class SocksServer(ProxyServer):
    """A SOCKS5 proxy (RFC 1928), with user name and password (RFC 1929) where they are offered."""

    def serve(self, client: socket.socket) -> None:
        """Serve one connection."""
        with client, client.makefile("rb") as stream:
            methods = stream.read(stream.read(2)[1])
            pair = ""
            client.sendall(b"\x05\x02" if 2 in methods else b"\x05\x00")
            if 2 in methods:
                stream.read(1)
                pair = ":".join(stream.read(stream.read(1)[0]).decode() for _ in range(2))
                client.sendall(b"\x01\x00")
            kind = stream.read(4)[3]
            address = stream.read({1: 4, 4: 16}.get(kind) or stream.read(1)[0])
            port = int.from_bytes(stream.read(2))
            host = address.decode() if kind == 3 else str(ipaddress.ip_address(address))
            self.asked.append(Asked(f"{host}:{port}", pair))
            with socket.create_connection((LOOPBACK, port)) as server:
                client.sendall(b"\x05\x00\x00\x01" + bytes(6))
                _relay(client, server)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away, or does not trust the certificate, is part of the tests."""


class World:
    """PixVerse behind TLS and in plain text, its media host with it, two CAs, and proxies of every kind.

    :param folder: for certificates.
    :param monkeypatch: of the test that stands in it; the environment says nothing until the test does.
    """

    def __init__(self, folder: Path) -> None:
        company, other = Authority(folder, "company"), Authority(folder, "other")
        certificate = company.server_context(HOST, PRIVATE_ADDRESS, IPV6_ADDRESS, LOOPBACK)
        self.pixverse = ScriptedServer(tls=certificate, afterwards=_answer_of_pixverse)
        self.plain = ScriptedServer(afterwards=_answer_of_pixverse)
        self.proxies = {
            "proxy": ProxyServer(),
            "tls_proxy": ProxyServer(tls=company.server_context("localhost", LOOPBACK)),
            "strange_proxy": ProxyServer(tls=other.server_context("localhost")),
            "says_407": ProxyServer(refuses=407),
            "says_403": ProxyServer(refuses=403),
            "says_502": ProxyServer(refuses=502),
            "hangs_up": ProxyServer(hangs_up=True),
            "socks": SocksServer(),
        }
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            closed: int = probe.getsockname()[1]
        (folder / "text.pem").write_text("no certificate", encoding="utf-8")
        (folder / "netrc").write_text("default login somebody password else\n", encoding="utf-8")
        ports = {name: proxy.port for name, proxy in self.proxies.items()}
        self.places: dict[str, Any] = {name: f"{LOOPBACK}:{port}" for name, port in ports.items()}
        self.places |= {f"{name}_port": port for name, port in ports.items()}
        self.places |= {
            "closed": f"{LOOPBACK}:{closed}",
            "port": self.pixverse.port,
            "ca": company.bundle,
            "ca_folder": company.folder,
            "other_ca": other.bundle,
            "text": folder / "text.pem",
            "nothing": folder / "nothing.pem",
            "netrc": folder / "netrc",
        }
        self._monkeypatch: pytest.MonkeyPatch | None = None

    def __enter__(self) -> Self:
        for server in self._servers:
            server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.__exit__()

    @property
    def _servers(self) -> list[Any]:
        return [self.pixverse, self.plain, *self.proxies.values()]

    @property
    def url(self) -> str:
        """The Base URL of PixVerse behind TLS."""
        return f"https://{HOST}:{self.pixverse.port}/openapi/v2"

    def begin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin anew for a test, in an environment that says nothing."""
        for name in os.environ:
            if name.lower().endswith("_proxy") or name in CERTIFICATE_VARIABLES:
                monkeypatch.delenv(name)
        # Where else a .netrc is looked for.
        monkeypatch.setenv("HOME", "/nonexistent")
        monkeypatch.delenv("NETRC", raising=False)
        _let_every_host_be_this_machine(monkeypatch)
        self._monkeypatch = monkeypatch
        self.forget()

    def forget(self) -> None:
        """Forget who has asked."""
        for proxy in self.proxies.values():
            proxy.asked.clear()
        for server in (self.pixverse, self.plain):
            server.requests.clear()

    def set(self, **env: str) -> None:
        """Set variables of the environment; names in braces stand for places."""
        assert self._monkeypatch is not None
        for name, value in env.items():
            self._monkeypatch.setenv(name, self.fill(value))

    def fill(self, text: str, **more: str) -> str:
        """Return a text with the places that it names."""
        return text.format(**self.places, **more)


def _answer_of_pixverse(request: Received) -> Behaviour:
    if request.path.endswith(".mp4"):
        return answer(VIDEO)
    if request.method == "POST":
        return success({"media_id": 5, "media_type": "video"})
    return success({"account_id": 1, "credit_monthly": 7, "credit_package": 0})


def _let_every_host_be_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let names have an address, and let every address lead here, the port as it is."""
    getaddrinfo, connect = socket.getaddrinfo, socket.socket.connect

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return getaddrinfo(NOWHERE if name.endswith(".test") else host, port, *args, **kwargs)

    def go(self: socket.socket, address: Any) -> None:
        connect(self, (LOOPBACK, address[1]) if self.family == socket.AF_INET else address)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", go)


def _relay(client: socket.socket, server: socket.socket) -> None:
    """Carry bytes both ways until one side is done."""
    others = {client: server, server: client}
    while True:
        waiting = isinstance(client, ssl.SSLSocket) and client.pending()
        for ready in [client] if waiting else select.select([client, server], [], [])[0]:
            data = ready.recv(1 << 16)
            if not data:
                return
            others[ready].sendall(data)
