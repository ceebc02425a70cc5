"""A provider for each channel over HTTP, with switches for what providers do wrong (spec 10.10)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric import ec

from firebell.channels import sealed_addresses
from firebell.kit.push_encryption import CURVE, public_bytes, to_base64
from firebell.kit.signing import Signer
from tests.servers import listening


class Switch(StrEnum):
    """What the provider does with a request."""

    OK = "ok"
    RESET = "reset after the body"
    ERROR = "500"
    BUSY = "429, 5 s"
    QUOTA = "429, 3600 s"
    UNAUTHORIZED = "401"
    MISSING = "404"
    GONE = "410"
    REFUSED = "400"
    REDIRECT = "redirect"
    PORTAL = "html 200"
    EMPTY = "empty 200"
    DEEP = "200, nested too deeply"
    HUGE = "1 MB"
    GZIP = "gzip bomb"
    SLOW = "no answer until the client gives up"


@dataclass(frozen=True, slots=True)
class Got:
    """A request as the provider got it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document

    @property
    def form(self) -> dict[str, str]:
        """The body as the fields of a form."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


Answer = Callable[[Got], tuple[int, dict[str, object]]]
_ECHO_CHARS = 150


@dataclass(slots=True)
class Provider:
    """Serves one provider at a loopback port."""

    answer: Answer
    port: int = 0
    switch: Switch = Switch.OK
    got: list[Got] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            first, *lines = head.decode().split("\r\n")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, target, _ = first.split(" ")
            request = Got(method, target, headers, body)
            self.got.append(request)
            if self.switch is Switch.RESET:
                writer.transport.abort()
                return
            if self.switch is Switch.SLOW:
                await reader.read()
                return
            writer.write(self._response(request))
            await writer.drain()

    def _response(self, request: Got) -> bytes:
        status, more, body = 200, "", b""
        match self.switch:
            case Switch.OK:
                status, document = self.answer(request)
                body = json.dumps(document).encode()
            case Switch.REDIRECT:
                status, more = 302, f"Location: {self.url}/elsewhere\r\n"
            case Switch.BUSY | Switch.QUOTA:
                status, more = 429, f"Retry-After: {self.switch.split()[1]}\r\n"
            case Switch.PORTAL:
                body = b"<html>Please accept the terms of this hotel</html>"
            case Switch.HUGE:
                body = b"x" * 1_000_000
            case Switch.GZIP:
                more, body = "Content-Encoding: gzip\r\n", b"\x1f\x8b" + b"\0" * 100
            case Switch.DEEP:
                more, body = "Content-Type: application/json\r\n", b'{"ok":' + b"[" * 20_000
            case Switch.EMPTY:
                pass
            case _:
                # a provider that repeats what it got in its error
                status = int(self.switch)
                secrets = f"{request.target} {request.headers.get('authorization', '')} {request.body[:_ECHO_CHARS]!r}"
                body = secrets.encode()
        return f"HTTP/1.1 {status} X\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def providing(answer: Answer) -> AsyncIterator[Provider]:
    """Run a provider until the block ends."""
    provider = Provider(answer)
    async with listening(provider.serve) as provider.port:
        yield provider


@dataclass(frozen=True, slots=True)
class Lab:
    """One channel with its provider: settings and an address for a URL, the secrets in them, and what answers."""

    answer: Answer
    address: Callable[[str], str]
    settings: Callable[[str], Mapping[str, str]] = lambda url: {}
    secrets: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    """Addresses that a person may type."""
    bad: tuple[str, ...] = ()
    """Addresses that look right and are not."""
    expected: Mapping[Switch, str] = field(default_factory=dict)
    """The outcomes that differ from those of spec 10.2."""


SIGNER = Signer(b"s" * 32)
TOKEN = "Zq7wT3x9LmN2vB5cR8yU1kH4"
USER = "uQiRzpo4DXghDmr9QzzfQu27cmVRsG"
ROOM = "!aBcDeF:matrix.example.org"
BOT = "123456:AAH-Zq7wT3x9LmN2vB5cR8yU1kH4"
ANY_2XX = {
    Switch.PORTAL: "accepted",
    Switch.EMPTY: "accepted",
    Switch.DEEP: "accepted",
    Switch.HUGE: "accepted",
    Switch.GZIP: "accepted",
}
"""Providers whose status alone says that they took the message."""
IN_ADDRESS = {Switch.UNAUTHORIZED: "address"}
"""The secret is in the address, which is to blame."""


def _pushover(got: Got) -> tuple[int, dict[str, object]]:
    if got.target.endswith("/cancel.json"):
        return 200, {"status": 1, "request": "r-2"}
    form = got.form
    assert set(form) <= {
        *("token", "user", "title", "message", "priority", "timestamp", "url", "url_title", "retry", "expire")
    }
    assert len(form["message"]) <= 1024
    if form["priority"] == "2":
        assert int(form["retry"]) >= 30
        assert int(form["expire"]) <= 10_800
        return 200, {"status": 1, "request": "r-1", "receipt": "R" * 30}
    return 200, {"status": 1, "request": "r-1"}


def _telegram(got: Got) -> tuple[int, dict[str, object]]:
    message = got.json
    assert got.target.startswith(f"/bot{BOT}/")
    assert "parse_mode" not in message
    assert len(str(message["text"])) <= 4096
    return 200, {"ok": True, "result": {"message_id": 42}}


def _discord(got: Got) -> tuple[int, dict[str, object]]:
    message = got.json
    assert message["allowed_mentions"] == {"parse": []}
    assert len(str(message["content"])) <= 2000
    assert got.method == "PATCH" or got.target.endswith("?wait=true")
    return 200, {"id": "1234567890"}


def _google_chat(got: Got) -> tuple[int, dict[str, object]]:
    assert "requestId=" in got.target
    assert len(got.body) <= 32_000
    return 200, {"name": "spaces/AAA/messages/1"}


def _matrix(got: Got) -> tuple[int, dict[str, object]]:
    if got.target.endswith("/state/m.room.encryption"):
        return 404, {"errcode": "M_NOT_FOUND"}
    assert got.method == "PUT"
    return 200, {"event_id": "$e1"}


def _mattermost(got: Got) -> tuple[int, dict[str, object]]:
    return 201, {"id": "x" * 26}


def _id(got: Got) -> tuple[int, dict[str, object]]:
    return 200, {"id": 7, "ok": True, "channel": "D1", "ts": "1.2", "timestamp": "1795749120000"}


def _accepted(got: Got) -> tuple[int, dict[str, object]]:
    return 202 if "workflows" in got.target else 201, {}


_KEYS = (
    f"auth={to_base64(b'a' * 16)}&p256dh="
    f"{to_base64(public_bytes(ec.generate_private_key(CURVE).public_key()))}"
)
_WEB_ADDRESSES = ("javascript:alert(1)", "file:///etc/passwd", "https://u:p@example.org/x", "https://a:0/x")
LABS: Mapping[str, Lab] = {
    "pushover": Lab(
        _pushover,
        lambda url: USER,
        lambda url: {"FIREBELL_PUSHOVER_TOKEN": TOKEN, "FIREBELL_PUSHOVER_API_URL": f"{url}/1/"},
        (TOKEN, USER),
        good=(f" {USER}\n",),
        bad=("mara@example.org", USER[:-1], f"{USER}x"),
        expected={Switch.BUSY: "failed"},
    ),
    "telegram": Lab(
        _telegram,
        lambda url: "4711",
        lambda url: {
            "FIREBELL_TELEGRAM_BOT_TOKEN": BOT,
            "FIREBELL_TELEGRAM_BOT_NAME": "acme_oncall_bot",
            "FIREBELL_TELEGRAM_API_URL": url,
        },
        (BOT,),
        good=(" 4711 ",),
        bad=("@mara", "-1001234", "0", "9" * 21),
        expected={Switch.MISSING: "failed"},
    ),
    "gotify": Lab(
        _id,
        lambda url: f"{url}/message?token=A{TOKEN}",
        secrets=(TOKEN,),
        good=(
            "https://gotify.example.org/?token=AbCdEf123456789",
            "https://g.example/sub/message?token=A.b-c_d123",
        ),
        bad=("https://gotify.example.org", "https://g.example/?token=", *_WEB_ADDRESSES),
        expected=IN_ADDRESS,
    ),
    "discord": Lab(
        _discord,
        lambda url: f"{url}/api/webhooks/123456789012345678/{TOKEN}",
        secrets=(TOKEN,),
        good=(f"https://discord.com/api/v10/webhooks/123456789012345678/{TOKEN}/",),
        bad=(
            "https://discord.com/channels/1/2",
            f"http://discord.com/api/webhooks/12345678/{TOKEN}",
            *_WEB_ADDRESSES,
        ),
        expected=IN_ADDRESS,
    ),
    "google_chat": Lab(
        _google_chat,
        lambda url: f"{url}/v1/spaces/AAA/messages?key={TOKEN}&token={TOKEN}x",
        secrets=(TOKEN,),
        good=(f"https://chat.googleapis.com/v1/spaces/AAAA/messages?key=k%2Fy&token={TOKEN}%3D",),
        bad=(
            "https://chat.google.com/room/AAA",
            "https://chat.googleapis.com/v1/spaces/A/messages",
            *_WEB_ADDRESSES,
        ),
        expected=IN_ADDRESS,
    ),
    "teams": Lab(
        _accepted,
        lambda url: f"{url}/workflows/abc/triggers/manual/paths/invoke?sig={TOKEN}",
        secrets=(TOKEN,),
        good=(f"https://prod-1.westeurope.logic.azure.com:443/workflows/a/invoke?api-version=1&sig={TOKEN}",),
        bad=("https://acme.webhook.office.com/webhookb2/x?y=1", "https://teams.example/x", *_WEB_ADDRESSES),
        expected={**IN_ADDRESS, Switch.MISSING: "failed"},
    ),
    "matrix": Lab(
        _matrix,
        lambda url: ROOM,
        lambda url: {"FIREBELL_MATRIX_URL": url, "FIREBELL_MATRIX_TOKEN": TOKEN},
        (TOKEN,),
        good=(f" {ROOM}", "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"),
        bad=("#ops:example.org", "@mara:example.org", "!", "!a b:example.org"),
    ),
    "signal": Lab(
        _id,
        lambda url: "+46701234567",
        lambda url: {"FIREBELL_SIGNAL_URL": url, "FIREBELL_SIGNAL_NUMBER": "+4687654321"},
        ("+46701234567",),
        good=("+46 70-123 45 67", "+1 (415) 555-2671"),
        bad=("0701234567", "+46x701234567", f"+{'1' * 16}", "112"),
        expected={Switch.MISSING: "failed", Switch.GONE: "failed"},
    ),
    "slack": Lab(
        _id,
        lambda url: "U024BE7LH",
        lambda url: {"FIREBELL_SLACK_BOT_TOKEN": TOKEN, "FIREBELL_SLACK_API_URL": url},
        (TOKEN,),
        good=(" u024be7lh",),
        bad=("@mara", "mara@example.org"),
    ),
    "mattermost": Lab(
        _mattermost,
        lambda url: "mara",
        lambda url: {"FIREBELL_MATTERMOST_URL": url, "FIREBELL_MATTERMOST_BOT_TOKEN": TOKEN},
        (TOKEN,),
        good=("@Mara.Lindqvist",),
        bad=("mara lindqvist",),
    ),
    "ntfy": Lab(
        _id,
        lambda url: f"{url}/mara-{TOKEN}",
        secrets=(TOKEN,),
        good=("mara-7f3a", "https://ntfy.example.org/mara-7f3a/"),
        bad=("docs", "https://ntfy.sh/", "https://ntfy.sh/a?auth=x", *_WEB_ADDRESSES),
    ),
    "webhook": Lab(
        _id,
        lambda url: f"{url}/hooks/{TOKEN}",
        secrets=(TOKEN,),
        good=("https://hooks.example.org/mara",),
        bad=("https://hooks.example.org/#a", *_WEB_ADDRESSES),
        expected=ANY_2XX,
    ),
    "apprise": Lab(
        _id,
        # what is stored: the kind, and the address sealed with SIGNER
        lambda url: sealed_addresses.seal(SIGNER, f"json{url.removeprefix('http')}/{TOKEN}"),
        lambda url: {"FIREBELL_APPRISE_KINDS": "json"},
        (TOKEN,),
        good=(" JSON://hooks.example.org/mara\n", "mailto://mara:secret@example.org?to=a@example.org"),
        bad=(
            *(
                "dbus://",
                "syslog://localhost",
                "windows://x",
                "json://",
                "json://a json://b",
                "https://ntfy.sh/a",
            ),
            *_WEB_ADDRESSES,
        ),
        expected={
            **dict.fromkeys((Switch.PORTAL, Switch.EMPTY, Switch.DEEP, Switch.HUGE), "accepted"),
            # its answer is yes or no
            **dict.fromkeys(
                (Switch.RESET, Switch.ERROR, Switch.BUSY, Switch.MISSING, Switch.GONE, Switch.GZIP), "failed"
            ),
        },
    ),
    "web_push": Lab(
        _accepted,
        lambda url: f"{url}/wpush/{TOKEN}#{_KEYS}",
        lambda url: {"FIREBELL_WEB_PUSH_CONTACT": "mailto:ops@example.org"},
        (TOKEN,),
        good=(f"https://push.example.org/wpush/mara#{_KEYS}",),
        bad=(f"http://push.example.org/wpush/mara#{_KEYS}", "https://push.example.org/wpush/mara"),
        expected={**ANY_2XX, Switch.REFUSED: "failed"},
    ),
}
NOT_OVER_HTTP = {
    "email": "SMTP has tests of its own.",
    "sms": "Several providers.",
    "voice": "Several providers.",
}
"""The channels that this kit does not know, with the reason."""
