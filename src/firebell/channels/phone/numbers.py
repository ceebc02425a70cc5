"""Phone numbers: the one spelling that is stored (E.164), and which of them can be messaged or called; pure.

The numbering plans come from `phonenumberslite`; they are imported when the first number is read.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from firebell.kit.errors import Invalid

COUNTRY = re.compile(r"[A-Z]{2}")
MAX_CHARS = 40
_LEAST_DIGITS = 5
"""Number of digits after the country below which a number is one of emergency or of a service."""
_HINT = "Use the international form, such as +49 151 23456789."
NO_REPLIES = frozenset({"91", "86", "502", "506", "507", "84"})
"""Calling codes of countries from which a reply does not arrive."""
NO_LINKS = frozenset({"86"})
"""Calling codes of countries whose networks refuse links."""
_SATELLITE = frozenset({870, 881, 882, 883})


@cache
def _library() -> Any:
    import phonenumbers

    return phonenumbers


def complete(text: str, countries: Sequence[str], *, to_call: bool) -> str:
    """Return a number as it is stored; one without + is of the first country. Raise `Invalid` for the field `address`.

    Without `countries`, a number needs its + and may be of any country; otherwise it must be of one of them.
    """
    number = _parsed(text, countries[0] if countries else None)
    stored = _checked(number, to_call=to_call)
    country = country_of(stored)
    if countries and country not in countries:
        raise Invalid(
            f"Firebell doesn’t send to {f'numbers in {country}' if country else 'this network'}.",
            fields={
                "address": f"Use a number of {', '.join(countries)}, or ask an admin to allow the country."
            },
        )
    return stored


def check(text: str, *, to_call: bool) -> str:
    """Return a number in its international form as it is stored; raise `Invalid` for the field `address`."""
    return _checked(_parsed(text, None), to_call=to_call)


def _parsed(text: str, country: str | None) -> Any:
    library, clean = _library(), text.strip()
    if not clean or len(clean) > MAX_CHARS or not clean.isprintable() or re.search(r"[A-Za-z]", clean):
        raise Invalid(f"{text[:80]!r} is not a phone number.", fields={"address": _HINT})
    try:
        number = library.parse(clean, country)
    except library.NumberParseException:
        hint = _HINT if clean.startswith(("+", "00")) or country else f"Begin with + and the country. {_HINT}"
        raise Invalid(f"{text[:80]!r} is not a phone number.", fields={"address": hint}) from None
    if number.extension:
        raise Invalid("An extension cannot be dialed.", fields={"address": "Leave it out."})
    return number


def _checked(number: Any, *, to_call: bool) -> str:
    library = _library()
    stored: str = library.format_number(number, library.PhoneNumberFormat.E164)
    if number.country_code in _SATELLITE:
        return stored
    if len(str(number.national_number)) < _LEAST_DIGITS:
        raise Invalid(f"{stored} is a short number.", fields={"address": _HINT})
    if not library.is_possible_number(number):
        raise Invalid(f"{stored} has the wrong number of digits.", fields={"address": _HINT})
    types = library.PhoneNumberType
    kind = library.number_type(number)
    names = {
        types.PREMIUM_RATE: "premium-rate",
        types.SHARED_COST: "shared-cost",
        types.TOLL_FREE: "toll-free",
        types.PAGER: "pager",
        types.UAN: "company",
        types.VOICEMAIL: "voicemail",
    }
    if kind in names:
        raise Invalid(
            f"{stored} is a {names[kind]} number.", fields={"address": "Use the number of a mobile phone."}
        )
    if kind == types.FIXED_LINE and not to_call:
        raise Invalid(
            f"{stored} is a landline, which can’t receive text messages.",
            fields={"address": "Use the number of a mobile phone, or add it as a voice call."},
        )
    return stored


RANGE_DIGITS = 4
"""Number of digits at the end of a number that the numbers of one range do not share."""


def charged_destination(number: str) -> tuple[str, str]:
    """Return the country of a stored number, empty for one of no country, and the range that it is in."""
    try:
        country = country_of(number)
    except _library().NumberParseException:
        country = ""
    return country, number[:-RANGE_DIGITS]


def country_of(number: str) -> str:
    """Return the country of a stored number as its ISO code; empty for one of no country, such as a satellite's."""
    library = _library()
    region: str | None = library.region_code_for_number(library.parse(number))
    parsed = library.parse(number)
    if region is None:
        # possible, but of no known range: the country that its calling code stands for
        region = library.region_code_for_country_code(parsed.country_code)
    return region if region and COUNTRY.fullmatch(region) and region != "ZZ" else ""


def warning(number: str) -> str:
    """Return what its owner should know about a stored number; empty for nothing."""
    library = _library()
    parsed = library.parse(number)
    if parsed.country_code in _SATELLITE:
        return "Satellite phone: messages and calls cost much more."
    # ranges change faster than the numbering plans here, so that it is taken
    return (
        "" if library.is_valid_number(parsed) else "No known network uses this number. Check that it’s right."
    )


def calling_code(number: str) -> str:
    """Return the calling code of a stored number, such as 49."""
    return str(_library().parse(number).country_code)


def shown(number: str) -> str:
    """Return a stored number with the spaces that its owner is used to."""
    library = _library()
    return str(library.format_number(library.parse(number), library.PhoneNumberFormat.INTERNATIONAL))
