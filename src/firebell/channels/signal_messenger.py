"""Signal: a message to a phone number through a gateway of one's own (signal-cli-rest-api)."""

import re
from collections.abc import Mapping, Sequence

import httpx
import msgspec

from firebell.channels.base import (
    Channel,
    Edges,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    SendRate,
    Setting,
    whole_or_short,
    without_secrets,
)
from firebell.channels.http_attempts import (
    AttemptOutcome,
    accepted_with_id,
    attempt_outcome,
    check_token,
    json_object,
)
from firebell.channels.message_text import compose
from firebell.channels.phone import numbers
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import OutboundResponse, check_url, post, send

_URL = "FIREBELL_SIGNAL_URL"
_NUMBER = "FIREBELL_SIGNAL_NUMBER"
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_UNREGISTERED = re.compile(r"unregistered", re.IGNORECASE)
_UNTRUSTED = re.compile(r"untrusted", re.IGNORECASE)
_OUR_NUMBER = re.compile(r"not registered|number is not|invalid account", re.IGNORECASE)


class SignalMessenger:
    """Sends from the number of the gateway to a phone number."""

    limits = MessageLimits(title=200, text=2000, whole=16_000)
    """The app turns what has more than 2,000 bytes into an attachment."""

    def __init__(self, http: httpx.AsyncClient, url: str, number: str) -> None:
        self._http = http
        self._base = url.rstrip("/")
        self._number = number

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send one message."""
        if not self._base or not self._number:
            return Failed(f"{_URL} and {_NUMBER} are not both set.", suspect=False)

        async def attempt(short: bool) -> AttemptOutcome:
            text = compose(message, self.limits.title, self.limits.text, short=short)
            body = msgspec.json.encode({"number": self._number, "recipients": [address], "message": text})
            headers = {"Content-Type": "application/json"}
            url = f"{self._base}/v2/send"
            return await attempt_outcome(post(self._http, url, content=body, headers=headers), _outcome)

        return without_secrets(await whole_or_short(attempt), address)


def _outcome(reply: OutboundResponse) -> AttemptOutcome:
    answer = json_object(reply)
    if reply.ok:
        return accepted_with_id(reply, "signal-cli-rest-api", answer.get("timestamp"))
    error = str(answer.get("error", ""))
    reason = f"{reply.status} {error or reply.text}"[:200]
    if answer.get("challenge_tokens"):
        # Signal wants a captcha, which only an admin can solve
        return Failed(f"{reason}: solve the captcha of the gateway.", suspect=False)
    if _UNREGISTERED.search(error):
        return Failed(reason)
    if _UNTRUSTED.search(error):
        return Failed(f"{reason}: trust the number again in the gateway.", suspect=False)
    if _OUR_NUMBER.search(error):
        return Failed(f"{reason}: check {_NUMBER}.", suspect=False)
    if reply.status in (404, 405, 410):
        return Failed(f"{reason}: is {_URL} the address of signal-cli-rest-api?", suspect=False)
    return outcome_of(reply)


def check_address(address: str) -> str:
    """Return a phone number as +491512345678; raise `Invalid` for one without its country."""
    return numbers.check(address, to_call=True)


def check_settings(settings: Mapping[str, str]) -> None:
    """Raise `StartupError` if the address of the gateway, or its number, is none."""
    if settings[_URL]:
        try:
            check_url(settings[_URL])
        except Invalid as error:
            raise StartupError(
                f"{_URL} is not an address.", hint="Use one such as http://signal:8080."
            ) from error
    if settings[_NUMBER] and not _PHONE.fullmatch(settings[_NUMBER]):
        raise StartupError(f"{_NUMBER} is not a phone number.", hint="Use one such as +46701234567.")


async def check_health(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    """Return whether the gateway answers."""
    if not settings[_URL] or not settings[_NUMBER]:
        return []
    reply = send(http, "GET", f"{settings[_URL].rstrip('/')}/v1/about")
    return [
        *await check_token("signal", reply, _version, f"The Signal gateway cannot be used. Check {_URL}.")
    ]


def _version(answer: Mapping[str, object]) -> str:
    return f"The Signal gateway answers (version {answer['version']})." if "version" in answer else ""


def _open(edges: Edges) -> SignalMessenger:
    return SignalMessenger(edges.http, edges.settings[_URL], edges.settings[_NUMBER])


CHANNEL = Channel(
    kind="signal",
    label="Signal",
    icon="message-square",
    address_label="Signal number",
    address_help="+46 70 123 45 67",
    limits=SignalMessenger.limits,
    open=_open,
    check_address=check_address,
    shown_address=numbers.shown,
    settings=(Setting(_URL), Setting(_NUMBER)),
    check_settings=check_settings,
    is_ready=lambda settings: bool(settings[_URL] and settings[_NUMBER]),
    off_text=f"Set {_URL} and {_NUMBER} to send by Signal.",
    check_health=check_health,
    rate=SendRate(per_s=2, burst=32),
)
