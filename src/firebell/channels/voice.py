"""Voice calls, by the providers in their order."""

from collections.abc import Mapping, Sequence
from functools import partial

import httpx

from firebell.channels.base import Channel, Edges, Failed, Message, MessageLimits, Outcome, SendRate
from firebell.channels.phone import numbers, phone_channel, settings, twilio, vonage
from firebell.channels.phone.failover import Failover
from firebell.channels.phone.provider import ProviderMessage
from firebell.channels.phone.twilio import TwilioVoice
from firebell.channels.phone.voice_script import MAX_CHARS, script_of
from firebell.channels.phone.vonage import VonageVoice
from firebell.kit.findings import CheckResult

KIND = "voice"


class Voice:
    """Places one call, which reads the message aloud and takes keys."""

    limits = MessageLimits(title=MAX_CHARS // 3, text=MAX_CHARS, whole=4 * MAX_CHARS)

    def __init__(self, failover: Failover, *, takes_keys: bool) -> None:
        self._failover = failover
        self._takes_keys = takes_keys

    def circuit_states(self) -> Mapping[str, str]:
        """Return the state of the circuit of each provider by name."""
        return self._failover.circuit_states()

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Call through the first provider that takes it."""
        if not self._failover.providers:
            # the person's next rule acts now
            return Failed(settings.OFF_TEXT, suspect=False)
        script = script_of(message, takes_keys=self._takes_keys)
        order = ProviderMessage(address, key, message.delivery_id, message.composed_at, script=script)
        return await self._failover.send(
            order, is_critical=message.rank == 0, begun_since=message.begun_since
        )


def _open(edges: Edges) -> Voice:
    openers: dict[str, phone_channel.ProviderOpener] = {
        vonage.NAME: lambda e, base: VonageVoice(e.http, settings.vonage(e.settings), base),
    }
    if settings.twilio(edges.settings).voice_sender:
        # a messaging service cannot call
        openers[twilio.NAME] = lambda e, base: TwilioVoice(e.http, settings.twilio(e.settings), base)
    takes_keys = bool(settings.public_url(edges.settings))
    return Voice(phone_channel.failover(edges, openers), takes_keys=takes_keys)


def _is_ready(values: Mapping[str, str]) -> bool:
    names = settings.names(values)
    return vonage.NAME in names or (twilio.NAME in names and bool(settings.twilio(values).voice_sender))


def _complete(address: str, values: Mapping[str, str]) -> str:
    return numbers.complete(address, settings.countries(values), to_call=True)


async def _check_health(
    http: httpx.AsyncClient, values: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    if settings.names(values) and not _is_ready(values) and addresses:
        text = f"No provider can call. Set {settings.TWILIO_VOICE_FROM} to a number."
        return [CheckResult(KIND, "fail", text)]
    if settings.names(values):
        # the accounts are those of text messages, which are checked there
        return [CheckResult(KIND, "ok", "A provider can call.")] if _is_ready(values) else []
    return await phone_channel.check_health(http, values, addresses, KIND)


CHANNEL = Channel(
    kind=KIND,
    label="Voice call",
    icon="phone-call",
    address_label="Phone number for calls",
    address_help="+49 151 23456789",
    limits=Voice.limits,
    open=_open,
    check_address=partial(numbers.check, to_call=True),
    complete_address=_complete,
    shown_address=numbers.shown,
    address_warning=numbers.warning,
    settings=settings.SETTINGS,
    check_settings=settings.check,
    is_ready=_is_ready,
    off_text=settings.OFF_TEXT,
    check_health=_check_health,
    # a plain number begins one a second; the provider queues what comes faster
    rate=SendRate(per_s=1, burst=32),
    attempt_limit_s=phone_channel.ATTEMPT_LIMIT_S,
    bundles_pages=True,
    callbacks=partial(phone_channel.PhoneCallbacks, KIND),
    daily_parts=settings.daily_parts,
    charged_destination=numbers.charged_destination,
)
