"""Requests to other servers reuse connections, never one that its server has closed, and none is sent twice."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firebell.kit import http_exchange, http_out
from firebell.kit.http_out import guarded_client, parse_networks, post, send
from firebell.kit.resolver import Resolver
from tests.servers import listening

LOOPBACK = parse_networks("127.0.0.0/8")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Receiver:
    """Answers the requests of each connection with the responses of `script` in turn, and counts both."""

    def __init__(self, *script: bytes, requests_each: int = 1_000_000, piece: int = 1_000_000) -> None:
        self.script = list(script)
        self.requests_each = requests_each
        self.piece = piece
        """Number of bytes of a response that are sent at once."""
        self.connections = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for _ in range(self.requests_each):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            lengths = [
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            ]
            self.bodies.append(await reader.readexactly(sum(lengths)))
            response = self.script.pop(0) if self.script else OK
            for start in range(0, len(response), self.piece):
                writer.write(response[start : start + self.piece])
                await writer.drain()
                if self.piece < len(response):
                    await asyncio.sleep(0)


async def texts(receiver: Callable[..., Awaitable[None]], posts: int) -> list[str]:
    """Return the texts of the responses to so many messages, sent one after the other."""
    async with listening(receiver) as port, guarded_client(LOOPBACK) as http:
        return [(await post(http, f"http://127.0.0.1:{port}/", content=b"x")).text for _ in range(posts)]


async def test_requests_at_once_have_a_connection_each_that_later_ones_reuse() -> None:
    receiver = Receiver()
    async with listening(receiver) as port, guarded_client(LOOPBACK) as http:
        url = f"http://127.0.0.1:{port}/"
        for _ in range(5):
            answers = await asyncio.gather(*(post(http, url, content=b"{}") for _ in range(20)))
            assert {answer.status for answer in answers} == {200}
    assert (receiver.connections, len(receiver.bodies)) == (20, 100)


async def test_a_connection_that_its_server_closed_is_not_reused() -> None:
    receiver = Receiver(requests_each=2)
    async with listening(receiver) as port, guarded_client(LOOPBACK) as http:
        for _ in range(5):
            assert (await post(http, f"http://127.0.0.1:{port}/", content=b"{}")).ok
            # the end of the connection arrives
            await asyncio.sleep(0.02)
    assert (receiver.connections, len(receiver.bodies)) == (3, 5)


async def test_nothing_is_sent_over_a_connection_that_was_closed_in_between() -> None:
    receiver = Receiver()
    async with listening(receiver) as port:
        connection = http_exchange.KeptConnection()
        await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", port)
        assert connection.is_quiet()
        connection.eof_received()
        assert not connection.is_quiet()
        with pytest.raises(httpx.ConnectError):
            await connection.exchange(b"GET / HTTP/1.1\r\n\r\n", 100)
        connection.abort()
    assert receiver.heads == []


async def test_a_connection_that_was_idle_for_too_long_is_not_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver()
    async with listening(receiver) as port, guarded_client(LOOPBACK) as http:
        await post(http, f"http://127.0.0.1:{port}/", content=b"{}")
        monkeypatch.setattr(http_exchange, "IDLE_LIMIT_S", 0.0)
        await asyncio.sleep(0.001)
        await post(http, f"http://127.0.0.1:{port}/", content=b"{}")
    assert receiver.connections == 2


async def test_idle_connections_are_limited_and_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_exchange, "_SWEEP_INTERVAL_S", 0.02)
    open_now = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        try:
            await Receiver()(reader, writer)
        finally:
            open_now -= 1

    async with listening(counted) as port, guarded_client(LOOPBACK) as http:
        url = f"http://127.0.0.1:{port}/"
        await asyncio.gather(*(post(http, url, content=b"{}") for _ in range(60)))
        await post(http, url, content=b"{}")
        await asyncio.sleep(0.05)
        assert open_now == http_exchange.MAX_IDLE
        monkeypatch.setattr(http_exchange, "IDLE_LIMIT_S", 0.0)
        async with asyncio.timeout(5):
            while open_now:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("piece", [1, 7, 1_000_000])
@pytest.mark.parametrize(
    ("response", "text", "connections"),
    [
        (OK, "ok", 1),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "ok", 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok", 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-End: 1\r\n\r\n", "ok", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK, "ok", 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "", 1),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok", 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 2),
        (b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\nok", "ok", 1),
        (b"HTTP/1.1 200 OK\r\nX-Control: a\x01b\r\nContent-Length: 2\r\n\r\nok", "ok", 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2  \r\nok\r\n0\r\n\r\n", "ok", 1),
        (OK + b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n", "ok", 2),
    ],
    ids=[
        *("plain", "bare-lf", "chunks", "trailer", "interim", "empty", "close", "old"),
        *("folded", "control", "padded-chunks", "surplus"),
    ],
)
async def test_every_form_of_a_response_is_read_and_its_connection_used_again_if_it_can_be(
    response: bytes, text: str, connections: int, piece: int
) -> None:
    receiver = Receiver(response, piece=piece)
    assert await texts(receiver, 2) == [text, "ok"]
    assert receiver.connections == connections


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nall of it", "all of it"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut", "cut"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nnonsense", "ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", ""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\nX Y\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, ""),
    ],
    ids=[
        *("until-the-end", "cut-off", "broken-chunks", "length-twice", "list-of-lengths"),
        *("two-lengths", "no-header", "endless-head"),
    ],
)
async def test_a_message_whose_receiver_answered_is_not_sent_again_however_the_answer_ends(
    response: bytes, text: str
) -> None:
    async with listening(Receiver(response, requests_each=1)) as port, guarded_client(LOOPBACK) as http:
        answer = await post(http, f"http://127.0.0.1:{port}/", content=b"x")
    assert (answer.status, answer.text) == (200, text)


@pytest.mark.parametrize(
    "endless",
    [
        [b"1\r\na\r\n0\r\nx: ", b"a" * 65536],
        [b"1\r\na\r\n0\r\n", b"a: b\r\n" * 10_000],
        [b"1\r\na\r\n1;x=", b"a" * 65536],
        [b"", b"1;x=" + b"a" * 65536 + b"\r\na\r\n"],
    ],
    ids=["trailer", "trailers", "extension", "extensions"],
)
async def test_a_receiver_whose_answer_never_ends_does_not_hold_up_other_messages(
    endless: list[bytes],
) -> None:
    limit_bytes = 64 * 1024**2
    sent_bytes = 0

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent_bytes
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + endless[0])
        while sent_bytes < limit_bytes:
            writer.write(endless[1])
            await writer.drain()
            sent_bytes += len(endless[1])

    async with listening(stream) as port, guarded_client(LOOPBACK) as http:
        answer = await send(http, "GET", f"http://127.0.0.1:{port}/", max_bytes=1024)
    assert answer.status == 200
    # what is in the buffers of the sockets was sent, but not read
    assert sent_bytes < limit_bytes / 4


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"SSH-2.0-OpenSSH\r\n",
        b"\x00\x16\x03" * 50,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nSSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
    ],
)
async def test_an_invalid_response_is_a_failed_attempt_and_is_not_retried(response: bytes) -> None:
    receiver = Receiver(OK, response, requests_each=2)
    with pytest.raises(httpx.RemoteProtocolError):
        await texts(receiver, 2)
    assert (receiver.connections, len(receiver.bodies)) == (1, 2)


async def test_a_server_that_resets_a_reused_connection_gets_the_message_once() -> None:
    got = 0

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        for response in (OK, b""):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(1)
            got += 1
            writer.write(response)
        writer.transport.abort()

    async with listening(reset) as port, guarded_client(LOOPBACK) as http:
        url = f"http://127.0.0.1:{port}/"
        assert (await send(http, "PUT", url, content=b"x")).ok
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await send(http, "PUT", url, content=b"x")
    assert got == 2


async def test_a_large_message_arrives_whole_and_so_does_a_large_answer() -> None:
    large = b"y" * 3_000_000
    receiver = Receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + large)
    async with listening(receiver) as port, guarded_client(LOOPBACK) as http:
        url = f"http://127.0.0.1:{port}/"
        got = await send(http, "PUT", url, content=large, max_bytes=4_000_000)
        assert (len(got.text), len(receiver.bodies[0])) == (3_000_000, 3_000_000)
        assert (await post(http, url, content=b"x")).text == "ok"
    assert receiver.connections == 1


async def test_a_server_that_refuses_a_message_before_it_is_whole_is_heard() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with listening(refuse) as port, guarded_client(LOOPBACK) as http:
        answer = await post(http, f"http://127.0.0.1:{port}/", content=b"y" * 20_000_000)
    assert answer.status == 413


async def test_every_kind_of_content_has_its_length_type_and_host() -> None:
    receiver = Receiver()
    async with listening(receiver) as port, guarded_client(LOOPBACK) as http:
        url = f"http://127.0.0.1:{port}/a%20b?c=d#e"
        await post(http, url, json={"ä": 1}, headers={"Accept": "text/plain", "Host": "elsewhere"})
        await post(http, url, data={"a": "b c"})
        await post(http, url)
        await send(http, "GET", url, headers={"user-agent": "me"})
    heads = [head.lower().split(b"\r\n") for head in receiver.heads]
    assert receiver.bodies == ['{"ä":1}'.encode(), b"a=b+c", b"", b""]
    assert [head[0] for head in heads] == [b"post /a%20b?c=d http/1.1"] * 3 + [b"get /a%20b?c=d http/1.1"]
    assert all(f"host: 127.0.0.1:{port}".encode() in head for head in heads)
    assert all(b"accept-encoding: identity" in head for head in heads)
    assert b"accept: text/plain" in heads[0]
    assert b"accept: */*" not in heads[0]
    assert [b"content-type: application/json" in heads[0], b"content-length: 0" in heads[2]] == [True, True]
    assert b"content-type: application/x-www-form-urlencoded" in heads[1]
    assert b"user-agent: me" in heads[3]
    assert not any(line.startswith(b"content-length") for line in heads[3])


@pytest.mark.parametrize(
    "header",
    [
        {"X-Name": "a\r\nX-Other: b"},
        {"X-Name": "a\nb"},
        {"X Name": "a"},
        {"X-Name": "a\x00"},
        {"X-Name": "ä"},
    ],
)
async def test_no_header_can_end_its_line(header: dict[str, str]) -> None:
    receiver = Receiver()
    async with listening(receiver) as port, guarded_client(LOOPBACK) as http:
        with pytest.raises(http_out.NEVER_SENT):
            await post(http, f"http://127.0.0.1:{port}/", content=b"x", headers=header)
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]"],
)
async def test_no_spelling_of_an_internal_address_is_sent_a_message(host: str) -> None:
    receiver = Receiver()
    async with listening(receiver) as port, guarded_client(()) as http:
        with pytest.raises(httpx.ConnectError, match="private address"):
            await post(http, f"http://{host}:{port}/", content=b"x")
    assert receiver.connections == 0


async def test_a_host_with_a_dead_address_first_is_sent_a_message_at_its_next() -> None:
    receiver = Receiver()
    resolver = Resolver(lambda host: ["127.9.9.9", "10.0.0.1", "127.0.0.1"])
    async with listening(receiver) as port, guarded_client(LOOPBACK, resolver) as http:
        assert (await post(http, f"http://two.example:{port}/", content=b"x")).ok
    assert b"Host: two.example:%d\r\n" % port in receiver.heads[0]


async def test_what_found_no_connection_in_time_was_never_sent() -> None:
    def lookup(_: str) -> list[str]:
        time.sleep(1)
        return []

    resolver = Resolver(lookup)
    async with guarded_client(LOOPBACK, resolver) as http:
        with pytest.raises(httpx.ConnectTimeout):
            await post(http, "http://slow.example/", content=b"x", limit_s=0.05)


@pytest.mark.parametrize("url", ["ftp://example.org/", "example.org", "http://", "file:///etc/passwd"])
async def test_an_invalid_web_address_is_never_sent(url: str) -> None:
    async with guarded_client(()) as http:
        with pytest.raises(httpx.UnsupportedProtocol):
            await post(http, url, content=b"x")


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    receiver = Receiver(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
    async with listening(receiver) as port, guarded_client(LOOPBACK) as http:
        answer = await post(http, f"http://127.0.0.1:{port}/", content=b"x")
    assert (answer.status, answer.headers["location"], len(receiver.bodies)) == (302, "/elsewhere", 1)


async def test_a_message_that_is_given_up_leaves_no_connection_to_the_next() -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1)
        await asyncio.sleep(0.2)
        writer.write(OK.replace(b"ok", b"1!"))
        await reader.read()

    receivers: list[Callable[..., Awaitable[None]]] = [late, Receiver()]

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await receivers.pop(0)(reader, writer)

    async with listening(receive) as port, guarded_client(LOOPBACK) as http:
        url = f"http://127.0.0.1:{port}/"
        with pytest.raises(httpx.ReadTimeout):
            await post(http, url, content=b"x", limit_s=0.05)
        assert (await post(http, url, content=b"x")).text == "ok"
    assert receivers == []


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
            await asyncio.sleep(0.05)
            assert (await post(http, url, content=b"y")).text == "ok"
        else:
            with pytest.raises(httpx.ConnectError):
                await post(http, url, content=b"x")
    assert receiver.bodies == ([b"x", b"y"] if is_trusted and is_for_the_host else [])
    assert receiver.connections <= 1
