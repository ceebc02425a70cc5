"""The numbers that a text states about customers and the like, so that two texts can be compared (pure)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

TEXT_MAX_CHARS = 25_000
"""Number of characters of a text that are read."""
BETWEEN_MAX = 2
"""How many words may stand between a number and its unit, as in 900 card payments."""
UNITS = {
    "account": "accounts",
    "cardholder": "cardholders",
    "client": "clients",
    "consumer": "consumers",
    "country": "countries",
    "countries": "countries",
    "customer": "customers",
    "email": "emails",
    "employee": "employees",
    "individual": "people",
    "member": "members",
    "merchant": "merchants",
    "message": "messages",
    "order": "orders",
    "patient": "patients",
    "payment": "payments",
    "people": "people",
    "person": "people",
    "record": "records",
    "region": "regions",
    "request": "requests",
    "resident": "residents",
    "shop": "shops",
    "site": "sites",
    "store": "stores",
    "subject": "people",
    "subscriber": "subscribers",
    "transaction": "transactions",
    "user": "users",
}
"""The units that are compared, by the singular of their word."""
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b", re.ASCII)
_PERCENT = re.compile(
    r"(\d{1,3}(?:[.,]\d{1,3})?) ?(?:%|percent\b|per cent\b)",
    re.IGNORECASE | re.ASCII,
)
_SHARE = re.compile(
    r"\b(\d{1,4}|one|two|three) (?:in|out of) (?:every )?(\d{1,5}|two|three|four|five|ten)\b",
    re.IGNORECASE | re.ASCII,
)
_COUNT = re.compile(
    r"(?<![\d.,:/])(\d{1,3}(?:[,' ]\d{3})+|\d{1,12})(?![\d.,:/-]*\d|%| ?percent)((?: [A-Za-z-]+){1,3})",
    re.ASCII,
)
_NUMERALS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "ten": 10}
SHARE = "%"
"""The unit of shares."""


@dataclass(frozen=True, slots=True)
class StatedNumber:
    """A number with its unit, and the words of the text that state it."""

    value: float
    unit: str
    phrase: str


def stated_numbers(text: str) -> list[StatedNumber]:
    """Return the numbers with a known unit that a text states, in order of their kind; times and dates are none."""
    text = _DATE.sub("", " ".join(text[:TEXT_MAX_CHARS].split()))
    numbers = [
        StatedNumber(float(match[1].replace(",", ".")), SHARE, match[0]) for match in _PERCENT.finditer(text)
    ]
    for match in _SHARE.finditer(text):
        part, whole = (_NUMERALS.get(each.lower()) or int(each) for each in match.groups())
        if 0 < part <= whole:
            numbers.append(StatedNumber(100 * part / whole, SHARE, match[0]))
    for match in _COUNT.finditer(text):
        following = match[2].split()
        for count, word in enumerate(following[: BETWEEN_MAX + 1], start=1):
            if unit := _unit(word):
                phrase = f"{match[1]} {' '.join(following[:count])}"
                numbers.append(StatedNumber(float(re.sub(r"[,' ]", "", match[1])), unit, phrase))
                break
    return numbers


def largest_by_unit(numbers: Iterable[StatedNumber]) -> dict[str, StatedNumber]:
    """Return the largest number of each unit: of a range, its upper end."""
    largest: dict[str, StatedNumber] = {}
    for number in numbers:
        if number.unit not in largest or largest[number.unit].value < number.value:
            largest[number.unit] = number
    return largest


def _unit(word: str) -> str:
    lowered = word.lower()
    return UNITS.get(lowered) or UNITS.get(lowered.removesuffix("s"), "")
