"""The settings of text messages and calls: which providers there are, in which order, and where numbers may be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from firebell.channels.base import Setting
from firebell.channels.phone.numbers import COUNTRY
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.http_out import check_url

BASE_URL = "FIREBELL_BASE_URL"
PROVIDERS = "FIREBELL_PHONE_PROVIDERS"
COUNTRIES = "FIREBELL_PHONE_COUNTRIES"
DAILY_PARTS = "FIREBELL_PHONE_DAILY_PARTS"
TWILIO_ACCOUNT = "FIREBELL_TWILIO_ACCOUNT_SID"
TWILIO_TOKEN = "FIREBELL_TWILIO_AUTH_TOKEN"  # noqa: S105 - the name of a variable
TWILIO_FROM = "FIREBELL_TWILIO_FROM"
TWILIO_VOICE_FROM = "FIREBELL_TWILIO_VOICE_FROM"
TWILIO_URL = "FIREBELL_TWILIO_API_URL"
VONAGE_APPLICATION = "FIREBELL_VONAGE_APPLICATION_ID"
VONAGE_KEY = "FIREBELL_VONAGE_PRIVATE_KEY"
VONAGE_SECRET = "FIREBELL_VONAGE_SIGNATURE_SECRET"  # noqa: S105 - the name of a variable
VONAGE_FROM = "FIREBELL_VONAGE_FROM"
VONAGE_URL = "FIREBELL_VONAGE_API_URL"
TWILIO_PUBLIC_FROM = "FIREBELL_TWILIO_PUBLIC_FROM"
VONAGE_PUBLIC_FROM = "FIREBELL_VONAGE_PUBLIC_FROM"
PUBLIC_SENDERS = {TWILIO_PUBLIC_FROM: TWILIO_FROM, VONAGE_PUBLIC_FROM: VONAGE_FROM}
"""The numbers that message people outside the organization, each with the number of its provider that pages people."""
PUBLIC_COUNTRIES = "FIREBELL_PUBLIC_SMS_COUNTRIES"
PUBLIC_DAILY_PARTS = "FIREBELL_PUBLIC_SMS_DAILY_PARTS"
SETTINGS = (
    Setting(BASE_URL),
    Setting(PROVIDERS, "twilio,vonage"),
    Setting(COUNTRIES),
    Setting(DAILY_PARTS, "500"),
    Setting(TWILIO_ACCOUNT),
    Setting(TWILIO_TOKEN),
    Setting(TWILIO_FROM),
    Setting(TWILIO_VOICE_FROM),
    Setting(TWILIO_URL, "https://api.twilio.com"),
    Setting(VONAGE_APPLICATION),
    Setting(VONAGE_KEY),
    Setting(VONAGE_SECRET),
    Setting(VONAGE_FROM),
    Setting(VONAGE_URL, "https://api.nexmo.com"),
    Setting(TWILIO_PUBLIC_FROM),
    Setting(VONAGE_PUBLIC_FROM),
    Setting(PUBLIC_COUNTRIES),
    Setting(PUBLIC_DAILY_PARTS, "500"),
)
OFF_TEXT = (
    f"Set {TWILIO_ACCOUNT}, {TWILIO_TOKEN} and {TWILIO_FROM},"
    f" or {VONAGE_APPLICATION}, {VONAGE_KEY} and {VONAGE_FROM}."
)
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SID = re.compile(r"AC[0-9a-f]{32}")
_SERVICE = re.compile(r"MG[0-9a-f]{32}")
_NEEDED = {
    "twilio": (TWILIO_ACCOUNT, TWILIO_TOKEN, TWILIO_FROM),
    "vonage": (VONAGE_APPLICATION, VONAGE_KEY, VONAGE_FROM),
}


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """An account of Twilio; `sender` is a number or a messaging service, `voice_sender` a number or empty."""

    sid: str
    token: str = field(repr=False)
    sender: str
    voice_sender: str
    url: str


@dataclass(frozen=True, slots=True)
class VonageApplication:
    """An application of Vonage; without its `secret`, its requests cannot be proved and are refused."""

    id: str
    private_key: str = field(repr=False)
    secret: str = field(repr=False)
    sender: str
    url: str


def names(settings: Mapping[str, str]) -> list[str]:
    """Return the providers that are configured, in their order."""
    wanted = [name.strip().lower() for name in settings[PROVIDERS].split(",")]
    return [
        name for name in dict.fromkeys(wanted) if name in _NEEDED and all(settings[s] for s in _NEEDED[name])
    ]


def twilio(settings: Mapping[str, str]) -> TwilioAccount:
    """Return the account of Twilio."""
    sender = settings[TWILIO_FROM]
    voice_sender = settings[TWILIO_VOICE_FROM] or (sender if _NUMBER.fullmatch(sender) else "")
    return TwilioAccount(
        settings[TWILIO_ACCOUNT],
        settings[TWILIO_TOKEN],
        sender,
        voice_sender,
        settings[TWILIO_URL].rstrip("/"),
    )


def vonage(settings: Mapping[str, str]) -> VonageApplication:
    """Return the application of Vonage."""
    return VonageApplication(
        settings[VONAGE_APPLICATION],
        settings[VONAGE_KEY].replace("\\n", "\n"),
        settings[VONAGE_SECRET],
        settings[VONAGE_FROM],
        settings[VONAGE_URL].rstrip("/"),
    )


def public_url(settings: Mapping[str, str]) -> str:
    """Return the address to which providers post; empty if they cannot reach Firebell."""
    base = settings[BASE_URL].rstrip("/")
    return base if base.startswith("https://") else ""


def countries(settings: Mapping[str, str]) -> list[str]:
    """Return the countries whose numbers are allowed, by ISO code; the first is that of numbers without +."""
    return _codes(settings[COUNTRIES])


def public_countries(settings: Mapping[str, str]) -> list[str]:
    """Return the countries of numbers outside the organization that are messaged; none without a choice."""
    return _codes(settings[PUBLIC_COUNTRIES])


def _codes(text: str) -> list[str]:
    return [part.strip().upper() for part in text.split(",") if part.strip()]


def daily_parts(settings: Mapping[str, str]) -> int:
    """Return the number of parts a day after which messages that can wait are not sent; 0 for no limit."""
    return int(settings[DAILY_PARTS])


def public_daily_parts(settings: Mapping[str, str]) -> int:
    """Return the number of parts a day that people outside the organization are sent at most; 0 for no limit."""
    return int(settings[PUBLIC_DAILY_PARTS])


def check(settings: Mapping[str, str]) -> None:
    """Raise `StartupError`, naming the variable, for a value with which nothing could be sent."""
    unknown = {n.strip().lower() for n in settings[PROVIDERS].split(",") if n.strip()} - set(_NEEDED)
    _require(not unknown, PROVIDERS, "Use twilio and vonage, in the order in which they are tried.")
    for variable in (COUNTRIES, PUBLIC_COUNTRIES):
        are_codes = all(COUNTRY.fullmatch(code) for code in _codes(settings[variable]))
        _require(are_codes, variable, "Use two-letter codes, such as DE,AT,CH.")
    for variable in (DAILY_PARTS, PUBLIC_DAILY_PARTS):
        parts = settings[variable]
        _require(parts.isascii() and parts.isdecimal(), variable, "Enter a whole number, or 0 for no limit.")
    for variable, paging in PUBLIC_SENDERS.items():
        _check_public_sender(settings, variable, paging)
    for variable in (TWILIO_URL, VONAGE_URL):
        try:
            check_url(settings[variable])
        except Invalid as exc:
            raise StartupError(
                f"{variable}: {exc.message}", hint="Leave it empty for the usual address."
            ) from exc
    for provider, needed in _NEEDED.items():
        missing = [name for name in needed if not settings[name]]
        _require(
            not missing or len(missing) == len(needed),
            next(iter(missing), ""),
            f"{provider.capitalize()} needs {', '.join(needed)}.",
        )
    if settings[TWILIO_ACCOUNT]:
        _require(
            bool(_SID.fullmatch(settings[TWILIO_ACCOUNT])),
            TWILIO_ACCOUNT,
            "Enter the account SID, which begins with AC.",
        )
        sender = settings[TWILIO_FROM]
        is_sender = _NUMBER.fullmatch(sender) or _SERVICE.fullmatch(sender)
        _require(
            bool(is_sender), TWILIO_FROM, "Use a number such as +4915123456789, or a messaging service MG…."
        )
        voice = settings[TWILIO_VOICE_FROM]
        _require(
            not voice or bool(_NUMBER.fullmatch(voice)),
            TWILIO_VOICE_FROM,
            "Enter a number that begins with +.",
        )
    if settings[VONAGE_APPLICATION]:
        _require(
            "PRIVATE KEY" in settings[VONAGE_KEY], VONAGE_KEY, "Use the PEM text of the application's key."
        )


def _check_public_sender(settings: Mapping[str, str], variable: str, paging: str) -> None:
    """Raise `StartupError` for a sender that cannot receive STOP, or behind which pages would wait."""
    sender = settings[variable]
    if not sender:
        return
    _require(bool(settings[paging]), variable, f"Set up the provider first, with {paging}.")
    _require(
        sender != settings[paging],
        variable,
        f"Use a different number than {paging}, so that pages don’t wait for these messages.",
    )
    is_service = variable == TWILIO_PUBLIC_FROM and bool(_SERVICE.fullmatch(sender))
    _require(
        is_service or bool(_NUMBER.fullmatch(sender)),
        variable,
        "Use a number that can receive replies, such as +4915123456789.",
    )


def _require(is_good: bool, variable: str, hint: str) -> None:
    if not is_good:
        raise StartupError(f"{variable} has an invalid value.", hint=hint)
