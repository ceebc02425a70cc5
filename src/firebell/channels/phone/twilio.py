"""Text messages and calls by Twilio, over plain HTTP (decision 0088)."""

import base64
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import httpx

from firebell.channels.base import Accepted, ContentRefused, Failed, Retry
from firebell.channels.callbacks import PATH
from firebell.channels.phone import calls, gsm7, numbers, twiml
from firebell.channels.phone.provider import Misconfigured, ProviderMessage, ProviderOutcome
from firebell.channels.phone.requests import common_outcome, fields_of, request
from firebell.channels.phone.settings import TwilioAccount
from firebell.kit.http_out import OutboundResponse

NAME = "twilio"
_REMEMBERED = 1000
"""Number of messages that are not taken for another one with the same text."""
_PARTS = re.compile(r"[1-9][0-9]?")
_ENDED = frozenset({"failed", "undelivered", "canceled"})
"""The states of a message that will not arrive."""
ADDRESS = frozenset({21211, 21214, 21217, 21614, 30005, 30006, 13223, 13224, 13225})
OPTED_OUT = frozenset({21610, 30004})
CONTENT = frozenset({30007, 21617})
DESTINATION = frozenset({21215, 21219, 21408})
"""The account may not reach this country or number, which another provider may."""
CONFIG = frozenset({20003, 20404, 21606, 21609, 21212, 21603, 30034, 21210})
RETRY = frozenset({20429, 30001, 30003, 30008, 30017})


def failure_of(code: int, reason: str) -> Failed | None:
    """Return the failure that a code of Twilio means; None if the message itself can be tried again."""
    if code in RETRY:
        return None
    return Failed(reason, suspect=code in ADDRESS or code in OPTED_OUT, gone=code in OPTED_OUT)


def outcome_of(reply: OutboundResponse) -> ProviderOutcome:
    """Return the outcome of a request to create a message or a call."""
    fields = fields_of(reply)
    reason = f"{reply.status} {fields.get('message') or reply.text}"[:200]
    if reply.ok:
        sid = fields.get("sid")
        if not isinstance(sid, str):
            return Retry(f"{reply.status} without a sid: is a proxy between?")
        # at most as many as the longest text has: what is not recorded would be sent again
        parts = _PARTS.fullmatch(str(fields.get("num_segments")))
        return Accepted(sid, NAME, parts=int(parts[0]) if parts else 1)
    code = fields.get("code")
    if isinstance(code, int):
        reason = f"{code} {fields.get('message', '')}"[:200]
        if code in CONFIG:
            return Misconfigured(reason)
        if code in CONTENT or code in DESTINATION:
            return ContentRefused(reason)
        if code in RETRY:
            return common_outcome(reply, reason) or Retry(reason)
        if code in ADDRESS or code in OPTED_OUT:
            return Failed(reason, suspect=True, gone=code in OPTED_OUT)
    return common_outcome(reply, reason) or ContentRefused(reason)


class _Client:
    name = NAME
    resource = ""

    def __init__(
        self, http: httpx.AsyncClient, account: TwilioAccount, public_url: str, hooks: str = PATH
    ) -> None:
        self._http = http
        self._account = account
        self._public_url = public_url
        self._hooks = hooks
        credentials = base64.b64encode(f"{account.sid}:{account.token}".encode()).decode()
        self.headers = {"Authorization": f"Basic {credentials}"}
        self._url = f"{account.url}/2010-04-01/Accounts/{account.sid}/{self.resource}.json"
        self._taken: dict[str, int] = {}
        """The deliveries of the messages that Twilio took last, by their sids."""

    def _hook(self, channel: str, hook: str, query: Mapping[str, str]) -> str:
        return f"{self._public_url}{self._hooks}/{channel}/{NAME}/{hook}?{urlencode(query)}"

    def _remember(self, sid: str, order: ProviderMessage) -> None:
        self._taken[sid] = order.delivery_id
        if len(self._taken) > _REMEMBERED:
            self._taken.pop(next(iter(self._taken)))

    async def _create(self, order: ProviderMessage, fields: Mapping[str, Any]) -> ProviderOutcome:
        reply = await request(self._http, "POST", self._url, self.headers, data=dict(fields))
        outcome = outcome_of(reply) if isinstance(reply, OutboundResponse) else reply
        if isinstance(outcome, Accepted):
            self._remember(outcome.provider_id, order)
            parts = max(outcome.parts, gsm7.segments(order.text))
            return Accepted(outcome.provider_id, NAME, parts, numbers.country_of(order.number))
        return outcome


class TwilioSms(_Client):
    """Sends text messages."""

    resource = "Messages"

    async def send(self, order: ProviderMessage) -> ProviderOutcome:
        """Create a message, which Twilio drops if it cannot send it within its validity."""
        sender = "MessagingServiceSid" if self._account.sender.startswith("MG") else "From"
        fields = {
            "To": order.number,
            sender: self._account.sender,
            "Body": order.text,
            "ValidityPeriod": order.validity_s,
        }
        if self._public_url:
            fields["StatusCallback"] = self._hook("sms", "status", {"d": str(order.delivery_id)})
        return await self._create(order, fields)

    async def lookup(self, order: ProviderMessage, since: datetime) -> Accepted | None:
        """Return the latest message of this text that Twilio created since an instant and that did not fail."""
        query = urlencode({"To": order.number, "DateSent>": f"{since:%Y-%m-%d}", "PageSize": 20})
        reply = await request(self._http, "GET", f"{self._url}?{query}", self.headers)
        if not isinstance(reply, OutboundResponse) or not reply.ok:
            return None
        # the same text goes to each of two people who share a number
        others = {sid for sid, delivery_id in self._taken.items() if delivery_id != order.delivery_id}
        if sid := sid_of(fields_of(reply), order.text, since, others):
            self._remember(sid, order)
            return Accepted(sid, NAME, gsm7.segments(order.text), numbers.country_of(order.number))
        return None


class TwilioVoice(_Client):
    """Places calls."""

    resource = "Calls"

    async def send(self, order: ProviderMessage) -> ProviderOutcome:
        """Place a call; Twilio reports its course, and posts the keys that are pressed."""
        assert order.script
        fields: dict[str, Any] = {
            "To": order.number,
            "From": self._account.voice_sender,
            "Timeout": calls.RING_S,
            "Twiml": twiml.of_turn(
                calls.first_turn(order.script, order.delivery_id, order.at), self._gather_url
            ),
        }
        if self._public_url:
            delivery = {"d": str(order.delivery_id)}
            fields |= {
                "StatusCallback": self._hook("voice", "status", delivery),
                "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
                "MachineDetection": "Enable",
                "AsyncAmd": "true",
                "AsyncAmdStatusCallback": self._hook("voice", "status", delivery),
            }
        return await self._create(order, fields)

    def _gather_url(self, query: Mapping[str, str]) -> str:
        return self._hook("voice", "gather", query)

    async def lookup(self, order: ProviderMessage, since: datetime) -> Accepted | None:
        """Return None: calls to one number about two pages look the same."""
        return None


def sid_of(
    listing: Mapping[str, Any], text: str, since: datetime, others: Collection[str] = frozenset()
) -> str:
    """Return the id of the first outbound message of this text that was created since an instant and did not fail.

    Those in `others` are messages of other deliveries.
    """
    messages = listing.get("messages")
    for one in messages if isinstance(messages, list) else []:
        if (
            isinstance(one, dict)
            and one.get("body") == text
            and one.get("sid") not in others
            and str(one.get("direction", "")).startswith("outbound")
            and one.get("status") not in _ENDED
            and _is_since(one.get("date_created"), since)
        ):
            return str(one.get("sid") or "")
    return ""


def _is_since(text: object, since: datetime) -> bool:
    """Return True for a date of RFC 2822, as Twilio writes it, to the second, that is not before an instant."""
    try:
        created = parsedate_to_datetime(str(text))
    except ValueError:
        return False
    return created.tzinfo is not None and created >= since.replace(microsecond=0)
