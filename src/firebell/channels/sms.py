"""Text messages, by the providers in their order."""

from collections.abc import Mapping, Sequence
from functools import partial

import httpx

from firebell.channels.base import Channel, Edges, Failed, Message, MessageLimits, Outcome, SendRate
from firebell.channels.phone import numbers, phone_channel, settings, twilio, vonage
from firebell.channels.phone.failover import Failover
from firebell.channels.phone.provider import ProviderMessage
from firebell.channels.phone.sms_text import text_of
from firebell.channels.phone.twilio import TwilioSms
from firebell.channels.phone.vonage import VonageSms
from firebell.kit.findings import CheckResult

KIND = "sms"


class Sms:
    """Sends one text message: one segment whenever what must be in it fits."""

    limits = MessageLimits(title=160, text=306, whole=306)

    def __init__(self, failover: Failover) -> None:
        self._failover = failover

    def circuit_states(self) -> Mapping[str, str]:
        """Return the state of the circuit of each provider by name."""
        return self._failover.circuit_states()

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send through the first provider that takes it."""
        if not self._failover.providers:
            # the person's next rule acts now
            return Failed(settings.OFF_TEXT, suspect=False)
        order = ProviderMessage(
            address, key, message.delivery_id, message.composed_at, text=text_of(message, address)
        )
        return await self._failover.send(
            order, is_critical=message.rank == 0, begun_since=message.begun_since
        )


def _open(edges: Edges) -> Sms:
    openers: dict[str, phone_channel.ProviderOpener] = {
        twilio.NAME: lambda e, base: TwilioSms(e.http, settings.twilio(e.settings), base),
        vonage.NAME: lambda e, base: VonageSms(e.http, settings.vonage(e.settings), base),
    }
    return Sms(phone_channel.failover(edges, openers))


def _complete(address: str, values: Mapping[str, str]) -> str:
    return numbers.complete(address, settings.countries(values), to_call=False)


async def _check_health(
    http: httpx.AsyncClient, values: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    return await phone_channel.check_health(http, values, addresses, KIND)


CHANNEL = Channel(
    kind=KIND,
    label="Text message (SMS)",
    icon="message-square",
    address_label="Phone number for text messages",
    address_help="+49 151 23456789",
    limits=Sms.limits,
    open=_open,
    check_address=partial(numbers.check, to_call=False),
    complete_address=_complete,
    shown_address=numbers.shown,
    address_warning=numbers.warning,
    settings=settings.SETTINGS,
    check_settings=settings.check,
    is_ready=lambda values: bool(settings.names(values)),
    off_text=settings.OFF_TEXT,
    check_health=_check_health,
    # a plain number sends one a second; the provider queues what comes faster
    rate=SendRate(per_s=1, burst=32),
    attempt_limit_s=phone_channel.ATTEMPT_LIMIT_S,
    bundles_pages=True,
    callbacks=partial(phone_channel.PhoneCallbacks, KIND),
    takes_opt_out=True,
    takes_replies=lambda values: bool(settings.public_url(values)),
    daily_parts=settings.daily_parts,
    charged_destination=numbers.charged_destination,
)
