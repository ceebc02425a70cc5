"""Stand-ins for Twilio and Vonage: the fields, limits, ids and signatures of their published descriptions.

Twilio: Messages.json and Calls.json of its API 2010-04-01, with form bodies. Vonage: Messages v1 and Voice v1, with
JSON bodies and tokens. Each refuses what the real one would, and fails as it is told.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from firebell.channels.callbacks import PATH
from firebell.channels.phone.twilio_callbacks import signature_of

ACCOUNT, AUTH_TOKEN = "AC" + "1" * 32, "12345678901234567890123456789012"
APPLICATION, SIGNATURE_SECRET = "78d335fa-323d-4701-a1d1-0123456789ab", "a signature secret of thirty-two b"
SENDER, PUBLIC_SENDER = "+15005550001", "+15005550009"
_BASIC = f"Basic {base64.b64encode(f'{ACCOUNT}:{AUTH_TOKEN}'.encode()).decode()}"
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_DIGITS = re.compile(r"[1-9]\d{6,14}")
_EVENTS = {"initiated", "ringing", "answered", "completed"}
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE_KEY = _KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()


@dataclass(slots=True)
class Message:
    """What a provider took: a text, or what a call says."""

    provider: str
    kind: str
    id: str
    number: str
    text: str
    fields: dict[str, Any]


@dataclass(slots=True)
class PhoneProviders:
    """Both providers, and what they took in order."""

    base_url: str
    url: str = ""
    taken: list[Message] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """What a real provider would not have taken."""
    twilio_fails: list[str] = field(default_factory=list)
    """What the next requests to Twilio get after it took the message: `reset`, `slow` for no answer; or a status."""
    slow: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when slow answers may be given up."""
    vonage_fails: list[str] = field(default_factory=list)
    before_answer: Callable[[Message], Awaitable[object]] | None = None
    """What Vonage does once between taking a text message and answering."""
    date_created: str = ""
    """When Twilio took every message, in its spelling."""
    lies: dict[str, str] = field(default_factory=dict)
    """Fields of each answer about a message that was taken, with other values than a real provider would give."""

    @property
    def settings(self) -> dict[str, str]:
        """The environment of an installation that uses both."""
        return {
            "FIREBELL_BASE_URL": self.base_url,
            "FIREBELL_PHONE_COUNTRIES": "DE,US",
            "FIREBELL_TWILIO_ACCOUNT_SID": ACCOUNT,
            "FIREBELL_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "FIREBELL_TWILIO_FROM": SENDER,
            "FIREBELL_TWILIO_API_URL": self.url,
            "FIREBELL_VONAGE_APPLICATION_ID": APPLICATION,
            "FIREBELL_VONAGE_PRIVATE_KEY": PRIVATE_KEY.replace("\n", "\\n"),
            "FIREBELL_VONAGE_SIGNATURE_SECRET": SIGNATURE_SECRET,
            "FIREBELL_VONAGE_FROM": SENDER,
            "FIREBELL_VONAGE_API_URL": self.url,
        }

    async def twilio(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to Twilio."""
        if request.headers.get("Authorization") != _BASIC:
            return _problem(401, 20003, "Authenticate")
        kind = request.match_info.get("kind", "")
        if request.method == "GET":
            return web.json_response(self._listed(request, kind) if kind else {"sid": ACCOUNT})
        mode = self.twilio_fails.pop(0) if self.twilio_fails else ""
        if mode.isdecimal():
            codes = {"401": 20003, "429": 20429}
            return _problem(int(mode), codes.get(mode, 0), "As the test asks.")
        form = await request.post()
        fields = {name: [str(v) for v in form.getall(name)] for name in form}
        wrong = self._wrong_message(fields) if kind == "Messages" else self._wrong_call(fields)
        if wrong:
            self.refused.append(wrong)
            return _problem(400, 21601, wrong)
        text = fields["Body"][0] if kind == "Messages" else _spoken(fields["Twiml"][0])
        sid = f"{'SM' if kind == 'Messages' else 'CA'}{len(self.taken):032x}"
        flat = {name: values[0] for name, values in fields.items()}
        self.taken.append(
            Message("twilio", "sms" if kind == "Messages" else "voice", sid, flat["To"], text, flat)
        )
        if mode == "reset":
            assert request.transport
            request.transport.abort()
        if mode == "slow":
            await self.slow.wait()
        return web.json_response(
            {"sid": sid, "status": "queued", "num_segments": "1", **self.lies}, status=201
        )

    def _listed(self, request: web.Request, kind: str) -> dict[str, Any]:
        wanted = "sms" if kind == "Messages" else "voice"
        return {
            kind.lower(): [
                {
                    "sid": m.id,
                    "body": m.text,
                    "direction": "outbound-api",
                    "status": "queued",
                    "date_created": self.date_created,
                }
                for m in reversed(self.taken)
                if m.provider == "twilio" and m.kind == wanted and m.number == request.query.get("To")
            ]
        }

    def _wrong_message(self, fields: dict[str, list[str]]) -> str:
        allowed = {"To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod"}
        if unknown := fields.keys() - allowed:
            return f"unknown fields {unknown}"
        if not 0 < len(fields["Body"][0]) <= 1600:
            return "Body"
        if not 1 <= int(fields["ValidityPeriod"][0]) <= 36_000:
            return "ValidityPeriod"
        return self._wrong_addresses(fields)

    def _wrong_call(self, fields: dict[str, list[str]]) -> str:
        if len(fields["Twiml"][0]) > 4000:
            return "Twiml"
        if set(fields.get("StatusCallbackEvent", [])) - _EVENTS:
            return "StatusCallbackEvent"
        if fields.get("AsyncAmd") == ["true"] and "AsyncAmdStatusCallback" not in fields:
            return "AsyncAmdStatusCallback"
        return self._wrong_addresses(fields)

    def _wrong_addresses(self, fields: dict[str, list[str]]) -> str:
        if not _E164.fullmatch(fields["To"][0]) or fields["From"][0] not in (SENDER, PUBLIC_SENDER):
            return "To or From"
        url = urlsplit(fields.get("StatusCallback", [""])[0])
        return "" if url.scheme == "https" and url.netloc else "StatusCallback"

    async def vonage(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to Vonage."""
        try:
            token = request.headers["Authorization"].removeprefix("Bearer ")
            claims = jwt.decode(
                token, _KEY.public_key(), ["RS256"], options={"verify_exp": False, "verify_iat": False}
            )
        except (KeyError, jwt.PyJWTError):
            return web.json_response({"title": "Unauthorized"}, status=401)
        if claims["application_id"] != APPLICATION or not claims["jti"]:
            return web.json_response({"title": "Unauthorized"}, status=401)
        if self.vonage_fails:
            return web.json_response({"title": "As the test asks"}, status=int(self.vonage_fails.pop(0)))
        body = await request.json()
        kind = request.match_info["kind"]
        wrong = _wrong_vonage_message(body) if kind == "messages" else _wrong_vonage_call(body)
        if wrong:
            self.refused.append(wrong)
            return web.json_response({"title": wrong}, status=422)
        uuid = f"00000000-0000-4000-8000-{len(self.taken):012d}"
        number = body["to"] if kind == "messages" else body["to"][0]["number"]
        text = body["text"] if kind == "messages" else body["ncco"][0]["text"]
        self.taken.append(
            Message("vonage", "sms" if kind == "messages" else "voice", uuid, f"+{number}", text, body)
        )
        if self.before_answer and kind == "messages":
            act, self.before_answer = self.before_answer, None
            await act(self.taken[-1])
        name, status = ("message_uuid", 202) if kind == "messages" else ("uuid", 201)
        return web.json_response({name: uuid, **self.lies}, status=status)


def _wrong_vonage_message(body: dict[str, Any]) -> str:
    known = {
        "message_type",
        "channel",
        "to",
        "from",
        "text",
        "client_ref",
        "ttl",
        "webhook_url",
        "webhook_version",
    }
    if body.keys() != known or (body["message_type"], body["channel"]) != ("text", "sms"):
        return f"fields {body.keys() ^ known}"
    if (
        not _DIGITS.fullmatch(body["to"])
        or not 0 < len(body["text"]) <= 1000
        or len(body["client_ref"]) > 100
    ):
        return "to, text or client_ref"
    return "" if body["webhook_url"].startswith("https://") else "webhook_url"


def _wrong_vonage_call(body: dict[str, Any]) -> str:
    if not _DIGITS.fullmatch(body["to"][0]["number"]) or body["machine_detection"] not in (
        "continue",
        "hangup",
    ):
        return "to or machine_detection"
    return "" if 0 < len(body["ncco"][0]["text"]) <= 1500 else "ncco"


def _problem(status: int, code: int, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message, "status": status}, status=status)


def _spoken(twiml: str) -> str:
    return " ".join(ElementTree.fromstring(twiml).itertext())


def twilio_post(
    base_url: str, channel: str, hook: str, query: dict[str, str], hooks: str = PATH, **form: str
) -> tuple[str, dict[str, str], str]:
    """Return the path, the headers and the body of a request that Twilio makes."""
    path = f"{hooks}/{channel}/twilio/{hook}{'?' if query else ''}{urlencode(query)}"
    signature = signature_of(AUTH_TOKEN, f"{base_url}{path}", list(form.items()))
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return path, headers, urlencode(form)


def vonage_headers(body: bytes, issued_at: int) -> dict[str, str]:
    """Return the headers of a request that Vonage makes."""
    claims = {"iat": issued_at, "jti": str(issued_at), "payload_hash": hashlib.sha256(body).hexdigest()}
    token = jwt.encode(claims, SIGNATURE_SECRET, "HS256")
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


@asynccontextmanager
async def serving(base_url: str) -> AsyncIterator[PhoneProviders]:
    """Serve both on the loopback address until the block ends."""
    providers = PhoneProviders(base_url)
    app = web.Application()
    app.router.add_route(
        "*", f"/2010-04-01/Accounts/{ACCOUNT}/{{kind:Messages|Calls}}.json", providers.twilio
    )
    app.router.add_get(f"/2010-04-01/Accounts/{ACCOUNT}.json", providers.twilio)
    app.router.add_post("/v1/{kind:messages|calls}", providers.vonage)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    providers.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    try:
        yield providers
    finally:
        await runner.cleanup()
