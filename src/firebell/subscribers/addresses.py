"""The addresses of subscribers: which are accepted, what makes two the same, and how they are shown (pure)."""

import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from firebell.channels.phone import numbers, public_sms
from firebell.kit.errors import Invalid
from firebell.kit.http_out import check_url
from firebell.kit.mail.addresses import check_address
from firebell.subscribers.model import SubscriberChannel

ROLE_NAMES = frozenset(
    {
        *("abuse", "bounce", "bounces", "devnull", "hostmaster", "list", "listserv", "mailer-daemon"),
        *(
            "majordomo",
            "no-reply",
            "noreply",
            "null",
            "postmaster",
            "root",
            "spam",
            "unsubscribe",
            "webmaster",
        ),
    }
)
"""Local parts that no person reads, or that must not get what someone else asked for."""
HOOK_HOSTS = {
    SubscriberChannel.SLACK: ("hooks.slack.com", "hooks.slack-gov.com"),
    SubscriberChannel.TEAMS: (".webhook.office.com", ".logic.azure.com", ".powerplatform.com"),
}
"""The hosts of incoming webhooks; a name that begins with a dot stands for every name below it."""
_HELP = {
    SubscriberChannel.SLACK: "Use the address of an incoming webhook, which begins with https://hooks.slack.com/.",
    SubscriberChannel.TEAMS: "Use the address that Teams shows for a workflow or an incoming webhook.",
}


def checked(
    channel: SubscriberChannel, address: str, field: str = "address", *, countries: Sequence[str] = ()
) -> str:
    """Return an address in the form that is stored; raise `Invalid` for `field` if nothing can be sent to it.

    `countries` are those whose numbers get text messages, none if these are off.
    """
    if channel is SubscriberChannel.EMAIL:
        return _email(address, field)
    if channel is SubscriberChannel.SMS:
        return _number(address, field, countries)
    url = check_url(address, field)
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.fragment:
        raise Invalid(
            "The address is not secure.",
            fields={field: "Use an address that begins with https://, without a #."},
        )
    allowed = HOOK_HOSTS.get(channel)
    host = (parts.hostname or "").lower()
    if allowed and not any(host.endswith(h) if h.startswith(".") else host == h for h in allowed):
        raise Invalid("The address is of another service.", fields={field: _HELP[channel]})
    return url


def _email(text: str, field: str) -> str:
    try:
        if not text.strip().isprintable():
            raise ValueError("it has a character that cannot be shown")
        address = check_address(text.strip())
    except ValueError:
        raise Invalid(
            "This is not an email address.", fields={field: "Enter one address, such as name@example.org."}
        ) from None
    local, _, domain = address.rpartition("@")
    if "." not in domain:
        raise Invalid(
            "This is not an email address.", fields={field: "Enter one address, such as name@example.org."}
        )
    if local.lower().partition("+")[0] in ROLE_NAMES:
        raise Invalid(
            "No person reads this address.", fields={field: "Enter the address of a person or a team."}
        )
    return f"{local}@{domain.lower()}"


def _number(text: str, field: str, countries: Sequence[str]) -> str:
    if not countries:
        raise Invalid("Text messages are off.", fields={"channel": "Choose another channel."})
    try:
        return public_sms.complete(text, countries)
    except Invalid:
        help_text = "Enter the number of a mobile phone with its country code, such as +46."
        raise Invalid("No text messages can be sent to this number.", fields={field: help_text}) from None


def checked_contact(channel: SubscriberChannel, contact: str) -> str:
    """Return the mailbox of who confirms and hears of failures, which only webhooks need; a number has none.

    Raise `Invalid` at `contact`.
    """
    if channel is SubscriberChannel.SMS or not (contact or channel is SubscriberChannel.WEBHOOK):
        return ""
    return checked(SubscriberChannel.EMAIL, contact, "contact")


def key_of(channel: SubscriberChannel, address: str) -> str:
    """Return what makes two checked addresses the same: the domain in lower case, the rest as given."""
    if channel is SubscriberChannel.SMS:
        return address
    if channel is SubscriberChannel.EMAIL:
        local, _, domain = address.rpartition("@")
        return f"{local}@{domain.lower()}"
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.lower()).geturl()


def host_of(channel: SubscriberChannel, address: str) -> str:
    """Return the domain of a mailbox, the host of a webhook, or the calling code of a number."""
    if channel is SubscriberChannel.SMS:
        return f"+{numbers.calling_code(address)}"
    if channel is SubscriberChannel.EMAIL:
        return address.rpartition("@")[2].lower()
    return (urlsplit(address).hostname or "").lower()


def shown(channel: SubscriberChannel, address: str) -> str:
    """Return an address for a screen: of a webhook only its host and its end, because the rest is a secret."""
    if channel in (SubscriberChannel.EMAIL, SubscriberChannel.SMS) or not address:
        return address
    tail = urlsplit(address).path.rstrip("/").rpartition("/")[2][-4:]
    return f"{host_of(channel, address)}/…{tail}"


def address_hash(secret: bytes, address: str) -> bytes:
    """Return what is stored of an address that must not be kept: an HMAC with the secret of the installation."""
    return hmac.digest(secret, f"subscriber.{address.lower()}".encode(), "sha256")


def network_of(host: str) -> str:
    """Return the network of a browser that is kept as proof of consent: /24 of IPv4, /48 of IPv6."""
    return _cut(host, 24, 48)


def client_of(host: str) -> str:
    """Return what requests are counted by: an IPv4 address, or a /64 of IPv6."""
    return _cut(host, 32, 64)


def _cut(host: str, ipv4_bits: int, ipv6_bits: int) -> str:
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    bits = ipv4_bits if ip.version == 4 else ipv6_bits
    return str(ipaddress.ip_network((ip, bits), strict=False))
