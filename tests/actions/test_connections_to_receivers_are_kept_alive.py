"""Connections to receivers carry one message after the other, and none carries what belongs to another."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firebell.kit import http_out, http_transport
from firebell.kit.http_out import guarded_client, parse_networks, post
from firebell.kit.http_transport import head_of
from tests.servers import listening

LOOPBACK = parse_networks("127.0.0.0/8")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Receiver:
    """Answers the requests of each connection with the responses of `script` in turn, and counts both."""

    def __init__(self, *script: bytes, closes_after: int = 1000) -> None:
        self.script = list(script)
        self.closes_after = closes_after
        self.connections = 0
        self.bodies: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for _ in range(self.closes_after):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"length" in line
            )
            self.bodies.append(await reader.readexactly(length))
            writer.write(self.script.pop(0) if self.script else OK)
            await writer.drain()


async def texts(receiver: Callable[..., Awaitable[None]], posts: int) -> list[str]:
    """Return the texts of the responses to so many messages, sent one after the other."""
    async with listening(receiver) as port, guarded_client(LOOPBACK) as http:
        return [(await post(http, f"http://127.0.0.1:{port}/", content=b"x")).text for _ in range(posts)]


async def test_messages_to_one_host_share_a_connection() -> None:
    receiver = Receiver()
    assert await texts(receiver, 3) == ["ok"] * 3
    assert (receiver.connections, receiver.bodies) == (1, [b"x"] * 3)


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"),
        (OK + b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n", "ok"),
    ],
    ids=["closed", "old", "too-much"],
)
async def test_a_connection_that_cannot_carry_more_is_not_used_again(response: bytes, text: str) -> None:
    receiver = Receiver(response)
    assert await texts(receiver, 2) == [text, "ok"]
    assert receiver.connections == 2


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", ""),
    ],
    ids=["bare-lf", "chunks", "interim"],
)
async def test_every_form_of_a_response_is_read_and_its_connection_used_again(
    response: bytes, text: str
) -> None:
    receiver = Receiver(response)
    assert await texts(receiver, 2) == [text, "ok"]
    assert receiver.connections == 1


async def test_a_response_without_length_ends_with_its_connection() -> None:
    assert await texts(Receiver(b"HTTP/1.1 200 OK\r\n\r\nall of it", closes_after=1), 1) == ["all of it"]


@pytest.mark.parametrize("response", [b"", b"HTTP/1.1 200 OK\r\nContent-", b"SSH-2.0-OpenSSH\r\n"])
async def test_a_connection_that_ends_before_a_head_is_a_failed_attempt(response: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await texts(Receiver(response, closes_after=1), 1)


async def test_a_large_message_arrives_whole_and_so_does_a_large_answer() -> None:
    large = b"y" * 3_000_000
    receiver = Receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + large)
    async with listening(receiver) as port, guarded_client(LOOPBACK) as http:
        got = await http_out.send(
            http, "PUT", f"http://127.0.0.1:{port}/", content=large, max_bytes=4_000_000
        )
        assert (len(got.text), len(receiver.bodies[0])) == (3_000_000, 3_000_000)
        assert (await post(http, f"http://127.0.0.1:{port}/", content=b"x")).text == "ok"
        assert receiver.connections == 1


async def test_an_idle_connection_is_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_transport, "IDLE_LIMIT_S", 0.0)
    ended = asyncio.Event()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1)
        writer.write(OK)
        assert await reader.read() == b""
        ended.set()

    async with listening(receive) as port, guarded_client(LOOPBACK) as http:
        await post(http, f"http://127.0.0.1:{port}/", content=b"x")
        async with asyncio.timeout(5):
            await ended.wait()


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET", b"/", (b"X-Name", b"a\r\nX-Other: b")),
        ("GET", b"/", (b"X-Name", b"a\nb")),
        ("GET", b"/", (b"X Name", b"a")),
        ("GET", b"/ HTTP/1.1\r\nX: y", (b"X-Name", b"a")),
        ("GET /", b"/", (b"X-Name", b"a")),
    ],
)
def test_no_value_can_end_its_line(method: str, target: bytes, header: tuple[bytes, bytes]) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        head_of(method, target, [header])


def certificate(folder: Path, name: x509.GeneralName) -> ssl.SSLContext:
    """Return the context of a server whose certificate signs itself and is for `name`; it is in `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(issuer, issuer, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize("is_trusted", [True, False])
@pytest.mark.parametrize("is_for_the_host", [True, False])
async def test_only_a_trusted_certificate_of_the_host_is_sent_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_trusted: bool, is_for_the_host: bool
) -> None:
    name = "127.0.0.1" if is_for_the_host else "127.0.0.2"
    server_context = certificate(tmp_path, x509.IPAddress(ip_address(name)))
    if is_trusted:
        trusted = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
        monkeypatch.setattr(http_out, "_trusted_authorities", lambda: trusted)
    receiver = Receiver()
    server = await asyncio.start_server(receiver, "127.0.0.1", 0, ssl=server_context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, guarded_client(LOOPBACK) as http:
        if is_trusted and is_for_the_host:
            assert (await post(http, url, content=b"x")).text == "ok"
            assert (await post(http, url, content=b"y")).text == "ok"
        else:
            with pytest.raises(httpx.ConnectError):
                await post(http, url, content=b"x")
    assert receiver.bodies == ([b"x", b"y"] if is_trusted and is_for_the_host else [])
    assert receiver.connections <= 1
