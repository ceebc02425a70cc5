"""What the channels of text messages and calls are made of: their providers, their callbacks and their checks."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import httpx

from firebell.channels.base import Edges
from firebell.channels.callbacks import (
    CallbackRequest,
    CallbackResponse,
    Callbacks,
    ProofStatus,
    Signal,
    SignalAnswer,
)
from firebell.channels.phone import settings, twilio, vonage
from firebell.channels.phone.failover import Failover
from firebell.channels.phone.provider import Provider
from firebell.channels.phone.requests import request
from firebell.channels.phone.settings import DAILY_PARTS
from firebell.channels.phone.twilio_callbacks import TwilioCallbacks
from firebell.channels.phone.vonage_callbacks import VonageCallbacks
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import OutboundResponse

ATTEMPT_LIMIT_S = 50.0
"""Time limit of one attempt: two of one provider, a lookup, and one of the next provider."""


class ProviderOpener(Protocol):
    """Opens one provider of a channel."""

    def __call__(self, edges: Edges, public_url: str) -> Provider: ...


def failover(edges: Edges, openers: Mapping[str, ProviderOpener]) -> Failover:
    """Return the configured providers in their order."""
    base = settings.public_url(edges.settings)
    named = [openers[name](edges, base) for name in settings.names(edges.settings) if name in openers]
    return Failover(named, edges.pace)


class PhoneCallbacks:
    """Hands each request to the provider that its address names."""

    def __init__(self, channel: str, edges: Edges) -> None:
        base, values = settings.public_url(edges.settings), edges.settings
        self._providers: dict[str, Callbacks] = {
            twilio.NAME: TwilioCallbacks(channel, values[settings.TWILIO_TOKEN], base),
            vonage.NAME: VonageCallbacks(channel, values[settings.VONAGE_SECRET], base),
        }

    def proof(self, request: CallbackRequest) -> ProofStatus:
        """Return whether the provider made the request; absent for one that is not known."""
        provider = self._providers.get(request.provider)
        return provider.proof(request) if provider else ProofStatus.ABSENT

    def read(self, request: CallbackRequest) -> Sequence[Signal]:
        """Return what a request says."""
        return self._providers[request.provider].read(request)

    def respond(self, request: CallbackRequest, answers: Sequence[SignalAnswer]) -> CallbackResponse:
        """Return the response in the words of the provider."""
        return self._providers[request.provider].respond(request, answers)

    def postponed(self, request: CallbackRequest) -> CallbackResponse | None:
        """Return the response when nothing could be stored, if the provider would not repeat the request."""
        return self._providers[request.provider].postponed(request)


async def check_health(
    http: httpx.AsyncClient, values: Mapping[str, str], addresses: Sequence[str] | None, check: str
) -> list[CheckResult]:
    """Return what `firebell doctor` finds about the accounts of the providers, once for each."""
    names = settings.names(values)
    if not names:
        used = len(addresses or ())
        if not used:
            return []
        text = f"Phone numbers that people added: {used}. No provider is set. {settings.OFF_TEXT}"
        return [CheckResult(check, "warn", text)]
    findings = [await _check_account(http, values, name, check) for name in names]
    if not settings.public_url(values):
        text = (
            f"Replies, keys and receipts do not arrive. Set {settings.BASE_URL} to the public https address."
        )
        findings.append(CheckResult(check, "warn", text))
    if vonage.NAME in names and not values[settings.VONAGE_SECRET]:
        text = f"What Vonage posts is refused. Set {settings.VONAGE_SECRET}."
        findings.append(CheckResult(check, "warn", text))
    if any(values[name] for name in settings.PUBLIC_SENDERS) and not settings.public_countries(values):
        text = f"Status pages offer no text messages. Set {settings.PUBLIC_COUNTRIES}."
        findings.append(CheckResult(check, "warn", text))
    if values[DAILY_PARTS] == "0":
        text = f"Nothing limits what tests and low-urgency messages cost. Set {DAILY_PARTS}."
        findings.append(CheckResult(check, "warn", text))
    return findings


async def _check_account(
    http: httpx.AsyncClient, values: Mapping[str, str], name: str, check: str
) -> CheckResult:
    """Return whether a provider accepts the account, as far as it can be asked without sending anything."""
    if name == vonage.NAME:
        try:
            vonage.token_of(settings.vonage(values), 0)
        except ValueError as exc:
            return CheckResult(check, "fail", f"Vonage: {settings.VONAGE_KEY} cannot be used: {exc}")
        return CheckResult(
            check, "ok", "Vonage is set up. Send yourself a test to see that it accepts the key."
        )
    account = settings.twilio(values)
    client = twilio.TwilioSms(http, account, "")
    url = f"{account.url}/2010-04-01/Accounts/{account.sid}.json"
    reply = await request(http, "GET", url, client.headers)
    if isinstance(reply, OutboundResponse) and reply.ok:
        return CheckResult(check, "ok", "Twilio accepts the account.")
    if isinstance(reply, OutboundResponse):
        text = f"Twilio answers {reply.status}. Check {settings.TWILIO_ACCOUNT} and {settings.TWILIO_TOKEN}."
    else:
        text = f"Twilio cannot be reached: {reply.reason}"
    return CheckResult(check, "fail", text)
