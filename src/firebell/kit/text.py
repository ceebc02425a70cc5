"""Validates and normalizes user input: names, slugs, ids and local times."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime

from firebell.kit.clock import YEARS
from firebell.kit.errors import Invalid

_JOINERS = "\u200c\u200d"
"""ZERO WIDTH NON-JOINER and ZERO WIDTH JOINER."""
_LOOSE_JOINER = re.compile(rf"(?:^|(?<=[\s{_JOINERS}]))[{_JOINERS}]+|[{_JOINERS}]+(?=\s|$)")
NAME_LIMIT = 120
"""Default maximum length of a name."""


def clean_name(value: str, field: str, *, limit: int = NAME_LIMIT) -> str:
    """Return `value` in NFC without control characters; raise `Invalid` if it is empty or too long.

    Joiners between characters stay, because Persian words and emoji need them.
    """
    text = unicodedata.normalize("NFC", value)
    text = "".join(c if c in _JOINERS or unicodedata.category(c)[0] != "C" else " " for c in text)
    text = " ".join(_LOOSE_JOINER.sub("", text).split())
    if not text:
        raise Invalid(f"The {field} is empty.", fields={field: "Please fill this in."})
    if len(text) > limit:
        raise Invalid(
            f"The {field} has {len(text)} characters.", fields={field: f"At most {limit} characters."}
        )
    return text


BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
"""Bidirectional embeddings, overrides and isolates, which reorder surrounding text; a regular expression range."""
_UNSTORABLE = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff{BIDI_CONTROLS}]")


def clean_text(value: str, limit: int, field: str = "text", *, name: str = "") -> str:
    """Return free text in NFC, with Unix line endings and no control characters.

    Raise `Invalid` at `field` if it has more than `limit` characters: what someone wrote is never cut. `name` is what
    the text is, such as `entry`; without one, it is the name of the field.
    """
    text = _UNSTORABLE.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > limit:
        raise Invalid(
            f"The {name or field.replace('_', ' ')} is too long.",
            fields={field: f"Enter at most {limit:,} characters; it has {len(text):,}."},
        )
    return text


def required_text(value: str, limit: int, *, name: str, hint: str, field: str = "text") -> str:
    """Return free text as `clean_text` does; raise `Invalid` if it is empty or has more than `limit` characters.

    `name` is what the text is, such as `entry`; `hint` says what to enter.
    """
    text = clean_text(value, limit, field, name=name)
    if not text:
        raise Invalid(f"The {name} is empty.", fields={field: hint})
    return text


def to_storable(text: str, limit: int) -> str:
    """Return the first `limit` characters of a text without NUL and lone surrogates, which PostgreSQL refuses."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:limit]


def ascii_digits(text: str) -> str:
    """Return a text with the decimal digits of all scripts, such as ٤٧, as 0 to 9."""
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def plural(number: int, noun: str) -> str:
    """Return a count with its noun, such as `1 page` or `3 pages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def times(number: int) -> str:
    """Return how often something happens: `once` or `3 times`."""
    return "once" if number == 1 else f"{number} times"


def masked(secret: str) -> str:
    """Return the last four characters of a secret, the only part that may be shown."""
    return f"…{secret[-4:]}" if len(secret) >= 16 else "…"


_SLUG_LIMIT = 60
_SLUG_DIGEST = 6


def slugify(name: str) -> str:
    """Return a slug of at most 60 characters; idempotent.

    Non-Latin letters are kept; a digest replaces the end of a longer name.
    """
    text = unicodedata.normalize("NFKD", name).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = unicodedata.normalize("NFC", text)
    slug = re.sub(r"[^\w]+", "-", text, flags=re.UNICODE).strip("-_")
    if len(slug) > _SLUG_LIMIT:
        digest = hashlib.sha256(slug.encode()).hexdigest()[:_SLUG_DIGEST]
        slug = f"{slug[: _SLUG_LIMIT - _SLUG_DIGEST - 1].strip('-_')}-{digest}"
    return slug or "x"


MAX_ID = 2**63 - 1
"""The largest id that the database can hold."""


def to_number(value: object, field: str, *, least: int = 0, most: int = MAX_ID, unit: str = "") -> int:
    """Return the whole number in a form field; raise `Invalid` naming the field.

    Accepts only ASCII digits, and only numbers from `least` to `most`.
    """
    text = str(value).strip()
    digits = text.lstrip("0") or "0"
    if text.isascii() and text.isdecimal() and len(digits) <= len(str(most)) and least <= int(digits) <= most:
        return int(digits)
    of_what = f" of {unit}" if unit else ""
    bounds = f" from {least} to {most}" if most < MAX_ID else f" of at least {least}" if least else ""
    raise Invalid(
        f"{text[:40]!r} is not a whole number{of_what}.",
        fields={field: f"Enter a whole number{of_what}{bounds}."},
    )


def to_choice(value: object, field: str) -> int | None:
    """Return the id chosen in a form field, None if blank; raise `Invalid` naming the field."""
    text = str(value).strip() if value is not None else ""
    if not text:
        return None
    try:
        return to_number(text, field, least=1)
    except Invalid as error:
        raise Invalid(error.message, fields={field: "Choose from the list."}) from error


def to_choices(values: Iterable[object], field: str) -> list[int]:
    """Return the ids chosen in a repeated field, without blank ones."""
    chosen = (to_choice(value, field) for value in values)
    return [i for i in chosen if i is not None]


def to_required(value: object, field: str) -> int:
    """Return the id chosen in a form field; raise `Invalid` naming the field if it is blank."""
    chosen = to_choice(value, field)
    if chosen is None:
        raise Invalid("A choice is missing.", fields={field: "Choose from the list."})
    return chosen


def to_id(value: object) -> int | None:
    """Return the id in a form field, None if it has none."""
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def to_wall(value: object, field: str) -> datetime:
    """Return the local time in a form field as a naive datetime; raise `Invalid` naming the field."""
    text = str(value or "").strip()
    if not text:
        raise Invalid("A time is missing.", fields={field: "Enter one such as 2026-11-24T09:00."})
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise Invalid(
            f"{text[:40]!r} is not a date and time.", fields={field: "Use 2026-11-24T09:00."}
        ) from None
    if local.year not in YEARS:
        raise Invalid(
            f"{text[:40]!r} is too far away.", fields={field: f"A year from {YEARS[0]} to {YEARS[-1]}."}
        )
    return local
