"""Text messages to people outside the organization, by a sender, countries and a daily limit of their own.

A provider sends what it accepts from one number in order: from the number that pages people, a page would wait
behind a thousand customers. So these are only sent from another number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from firebell.channels.base import Edges
from firebell.channels.phone import numbers, phone_channel, settings, twilio, vonage
from firebell.channels.phone.failover import Failover
from firebell.channels.phone.phone_channel import PhoneCallbacks
from firebell.channels.phone.twilio import TwilioSms
from firebell.channels.phone.vonage import VonageSms
from firebell.kit.errors import Invalid

HOOKS = "/in/public"
"""Where providers post what these numbers receive: the channel `sms`, the provider and the hook follow."""
KIND = "sms"


def _openers(values: Mapping[str, str]) -> dict[str, phone_channel.ProviderOpener]:
    openers: dict[str, phone_channel.ProviderOpener] = {}
    if sender := values[settings.TWILIO_PUBLIC_FROM]:
        account = replace(settings.twilio(values), sender=sender)
        openers[twilio.NAME] = lambda e, base: TwilioSms(e.http, account, base, HOOKS)
    if number := values[settings.VONAGE_PUBLIC_FROM]:
        application = replace(settings.vonage(values), sender=number)
        openers[vonage.NAME] = lambda e, base: VonageSms(e.http, application, base, HOOKS)
    return openers


def open_failover(edges: Edges) -> Failover:
    """Return the providers that have a public sender, in their order; none if these messages are off."""
    if not countries(edges.settings):
        return Failover((), edges.pace)
    return phone_channel.failover(edges, _openers(edges.settings))


def callbacks(edges: Edges) -> PhoneCallbacks:
    """Return what reads the requests of the providers at `HOOKS`."""
    return PhoneCallbacks(KIND, edges)


def countries(values: Mapping[str, str]) -> list[str]:
    """Return the countries whose numbers are messaged, by ISO code; empty if these messages are off."""
    has_sender = any(name in _openers(values) for name in settings.names(values))
    return settings.public_countries(values) if has_sender else []


def is_public_sender(values: Mapping[str, str], number: str) -> bool:
    """Return True for a number that messages people outside the organization."""
    return bool(number) and number in [values[name] for name in settings.PUBLIC_SENDERS]


def is_paging_sender(values: Mapping[str, str], number: str) -> bool:
    """Return True for a number that pages people by text message."""
    return bool(number) and number in [values[name] for name in settings.PUBLIC_SENDERS.values()]


def complete(text: str, allowed: Sequence[str]) -> str:
    """Return a number as it is stored; one without + is of the first country. Raise `Invalid` for any other.

    Numbers to which no link can be sent are refused: their owners could not unsubscribe.
    """
    number = numbers.complete(text, allowed, to_call=False)
    if numbers.calling_code(number) in numbers.NO_LINKS:
        raise Invalid("Links can’t be sent to this country.", fields={"address": "Choose another channel."})
    return number
