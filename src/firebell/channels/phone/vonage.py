"""Text messages and calls by Vonage, over plain HTTP (decision 0088)."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

from firebell.channels.base import Accepted, ContentRefused, Failed, Retry
from firebell.channels.callbacks import PATH
from firebell.channels.phone import calls, gsm7, ncco, numbers
from firebell.channels.phone.provider import Misconfigured, ProviderMessage, ProviderOutcome
from firebell.channels.phone.requests import common_outcome, fields_of, request
from firebell.channels.phone.settings import VonageApplication
from firebell.kit.http_out import OutboundResponse

NAME = "vonage"
MAX_TEXT_CHARS = 1000
_TOKEN_S = 300
_QUOTA = httpx.codes.PAYMENT_REQUIRED


def outcome_of(reply: OutboundResponse, id_field: str) -> ProviderOutcome:
    """Return the outcome of a request to send a message or to place a call."""
    fields = fields_of(reply)
    detail = fields.get("detail") or fields.get("title") or fields.get("error_title") or reply.text
    reason = f"{reply.status} {detail}"[:200]
    if reply.ok:
        provider_id = fields.get(id_field)
        if not isinstance(provider_id, str) or not provider_id:
            return Retry(f"{reply.status} without {id_field}: is a proxy between?")
        return Accepted(provider_id, NAME)
    if reply.status == _QUOTA:
        return Misconfigured(reason)
    if reply.status == httpx.codes.UNPROCESSABLE_ENTITY and _blames_number(fields):
        return Failed(reason)
    return common_outcome(reply, reason) or ContentRefused(reason)


def _blames_number(fields: Mapping[str, Any]) -> bool:
    """Return True if the parameter `to` is what Vonage refuses."""
    listed = fields.get("invalid_parameters")
    names = [one.get("name") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return "to" in names


def token_of(application: VonageApplication, issued_at: int) -> str:
    """Return the token by which an application proves itself; raise `ValueError` for a key that cannot be read."""
    claims = {
        "application_id": application.id,
        "iat": issued_at,
        "exp": issued_at + _TOKEN_S,
        "jti": secrets.token_urlsafe(16),
    }
    try:
        return jwt.encode(claims, application.private_key, algorithm="RS256")
    except (jwt.PyJWTError, TypeError) as exc:
        raise ValueError(str(exc)) from exc


class _Client:
    name = NAME
    path = ""
    id_field = ""

    def __init__(
        self, http: httpx.AsyncClient, application: VonageApplication, public_url: str, hooks: str = PATH
    ) -> None:
        self._http = http
        self._application = application
        self._public_url = public_url
        self._hooks = hooks

    def _hook(self, channel: str, hook: str, query: Mapping[str, str]) -> str:
        return f"{self._public_url}{self._hooks}/{channel}/{NAME}/{hook}?{urlencode(query)}"

    async def _create(self, order: ProviderMessage, fields: Mapping[str, Any]) -> ProviderOutcome:
        try:
            token = token_of(self._application, int(order.at.timestamp()))
        except ValueError as exc:
            return Misconfigured(f"The private key cannot be used: {exc}")
        url = f"{self._application.url}{self.path}"
        reply = await request(
            self._http, "POST", url, {"Authorization": f"Bearer {token}"}, json=dict(fields)
        )
        outcome = outcome_of(reply, self.id_field) if isinstance(reply, OutboundResponse) else reply
        if isinstance(outcome, Accepted):
            parts = max(1, gsm7.segments(order.text))
            return Accepted(outcome.provider_id, NAME, parts, numbers.country_of(order.number))
        return outcome

    async def lookup(self, order: ProviderMessage, since: datetime) -> Accepted | None:
        """Return None: Vonage cannot be asked for a message by anything that we know of it."""
        return None


class VonageSms(_Client):
    """Sends text messages."""

    path = "/v1/messages"
    id_field = "message_uuid"

    async def send(self, order: ProviderMessage) -> ProviderOutcome:
        """Send a message, which Vonage drops if it cannot deliver it within its validity."""
        fields: dict[str, Any] = {
            "message_type": "text",
            "channel": "sms",
            "to": order.number.removeprefix("+"),
            "from": self._application.sender.removeprefix("+"),
            "text": order.text[:MAX_TEXT_CHARS],
            "client_ref": f"{order.delivery_id}.{order.key}"[:100],
            "ttl": order.validity_s,
        }
        if self._public_url:
            fields["webhook_url"] = self._hook("sms", "status", {"d": str(order.delivery_id)})
            fields["webhook_version"] = "v1"
        return await self._create(order, fields)


class VonageVoice(_Client):
    """Places calls."""

    path = "/v1/calls"
    id_field = "uuid"

    async def send(self, order: ProviderMessage) -> ProviderOutcome:
        """Place a call; Vonage reports its course, and posts the keys that are pressed."""
        assert order.script
        query = {"d": str(order.delivery_id)}
        turn = calls.first_turn(order.script, order.delivery_id, order.at)
        fields: dict[str, Any] = {
            "to": [{"type": "phone", "number": order.number.removeprefix("+")}],
            "from": {"type": "phone", "number": self._application.sender.removeprefix("+")},
            "ncco": ncco.of_turn(turn, lambda following: self._hook("voice", "input", following)),
            "ringing_timer": calls.RING_S,
        }
        if self._public_url:
            fields["event_url"] = [self._hook("voice", "status", query)]
            fields["event_method"] = "POST"
            fields["machine_detection"] = "continue"
        return await self._create(order, fields)
