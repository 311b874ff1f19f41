"""How long a body may take to be sent, and what becomes of an answer that comes too early."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pixverse_provider.api.sending import SendStalledError
from pixverse_provider.api.transport import BoundedSession
from tests.support.upload_server import UploadServer

if TYPE_CHECKING:
    from pathlib import Path

    from pixverse_provider.api.protocol import Answer

# More than what the two ends of a connection take without being read.
BODY = bytes(range(256)) * 80_000
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large"


def send(server: UploadServer, body: bytes = BODY, *, connect: float = 5.0, stall: float = 30.0) -> Answer:
    with BoundedSession() as session:
        return session.exchange("POST", f"{server.url}/upload", timeout=(connect, stall), data=body)


def test_a_host_that_pauses_for_longer_than_a_connection_may_take_gets_the_whole_body() -> None:
    with UploadServer(after_head=lambda: wait(0.5)) as server:
        assert send(server, connect=0.1).status == 200
    (arrived,) = server.arrived
    assert arrived.body == BODY


def test_a_host_that_takes_nothing_more_is_given_up_after_the_read_timeout() -> None:
    over = threading.Event()
    with UploadServer(after_head=lambda: over.wait(30)) as server:
        with pytest.raises(SendStalledError, match=r"nothing could be sent for 0\.2 s"):
            send(server, stall=0.2)
        over.set()
    assert not server.arrived[0].complete


def test_a_host_that_is_slow_and_steady_gets_the_whole_body_however_long_that_takes() -> None:
    # In all twice as long as the body may stand still, and as the answer may take: so little of it may lie
    # in the system, where nobody sees how it moves, when the last of it has been handed over.
    body = BODY[:4_000_000]
    with UploadServer(every_block=lambda: wait(0.05)) as server:
        assert send(server, body, stall=1.5).status == 200
    assert server.arrived[0].body == body


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_answer_that_comes_before_the_body_is_read_when_the_connection_is_closed_after_it(
    tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server_context(tmp_path, monkeypatch) if tls else None
    with UploadServer(answer=TOO_LARGE, early=True, tls=context) as server:
        answer = send(server)
    assert (answer.status, answer.body) == (413, b"too large")
    assert not server.arrived[0].complete


def wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def server_context(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return the context of a server on loopback, whose certificate this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(public))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context
