"""Reads a CSV of subscribers (pure): addresses with their channel, language and what they follow."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firebell.kit.errors import Invalid
from firebell.subscribers import addresses
from firebell.subscribers.model import FollowScope, SubscriberChannel, SubscriptionRequest

MAX_ROWS = 20_000
SAMPLE = (
    "address,channel,components,contact,language\r\nops@nordpost.example,email,,,\r\n"
    "it@alvik.example,email,Checkout;Search,,de\r\n"
)
_COLUMNS = ("address", "channel", "components", "contact", "language")


@dataclass(slots=True)
class CsvRows:
    """The requests of a file, each address once, and the problems by line."""

    requests: list[SubscriptionRequest] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


def parse(
    text: str, component_ids: Mapping[str, int], locales: Sequence[str], countries: Sequence[str] = ()
) -> CsvRows:
    """Return the rows of a CSV with a head that names at least `address`; raise `Invalid` if it cannot be read.

    `components` has names, separated by semicolons; without any, everything is followed. `language` is one of
    `locales`, those of the page, its own first; blank for its own. `countries` get text messages.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    try:
        lines = list(reader)
    except csv.Error as exc:
        raise Invalid("The file can’t be read.", fields={"file": f"It is not CSV: {exc}."}) from exc
    head = [cell.strip().lower() for cell in lines[0]] if lines else []
    if "address" not in head or not set(head) <= set(_COLUMNS):
        raise Invalid(
            "The file has no column address.",
            fields={"file": f"Its first line names the columns: {', '.join(_COLUMNS)}."},
        )
    if len(lines) > MAX_ROWS + 1:
        raise Invalid("The file is too long.", fields={"file": f"Import at most {MAX_ROWS} rows at a time."})
    rows = CsvRows()
    listed_keys: set[tuple[str, str]] = set()
    for number, line in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in line):
            continue
        try:
            cells = dict(zip(head, (cell.strip() for cell in line), strict=False))
            request = _request(cells, component_ids, locales, countries)
        except Invalid as exc:
            rows.problems.append((number, next(iter(exc.fields.values()), exc.message)))
            continue
        key = (request.channel, addresses.key_of(request.channel, request.address))
        if key not in listed_keys:
            listed_keys.add(key)
            rows.requests.append(request)
    return rows


def _request(
    row: Mapping[str, str],
    component_ids: Mapping[str, int],
    locales: Sequence[str],
    countries: Sequence[str],
) -> SubscriptionRequest:
    channel = channel_of(row.get("channel") or SubscriberChannel.EMAIL)
    contact = addresses.checked_contact(channel, row.get("contact", ""))
    names = [name.strip() for name in row.get("components", "").split(";") if name.strip()]
    if unknown := [name for name in names if name.lower() not in component_ids]:
        raise Invalid(
            "Unknown component.", fields={"components": f"There is no component {unknown[0][:60]!r}."}
        )
    scope = FollowScope(not names, frozenset(component_ids[name.lower()] for name in names))
    address = addresses.checked(channel, row.get("address", ""), countries=countries)
    locale = locale_of(row.get("language", ""), locales, "language")
    return SubscriptionRequest(channel, address, scope, contact, locale=locale, is_trusted=True)


def locale_of(value: str, locales: Sequence[str], name: str = "locale") -> str:
    """Return the language in a field, empty for the page's own, the first of `locales`; raise `Invalid`."""
    code = value.strip().lower()
    if code and code not in locales:
        raise Invalid(
            "The page is not in this language.",
            fields={name: f"The page is not in {value[:20]!r}. Use {', '.join(locales)}."},
        )
    return "" if code == locales[0] else code


def channel_of(value: str) -> SubscriberChannel:
    """Return the channel in a field; raise `Invalid`."""
    if value.lower() not in list(SubscriberChannel):
        raise Invalid(
            f"{value[:40]!r} is not a channel.", fields={"channel": f"Use {', '.join(SubscriberChannel)}."}
        )
    return SubscriberChannel(value.lower())


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What an import would do: who is asked to confirm, and who is not."""

    new: Sequence[SubscriptionRequest]
    known: int
    suppressed: int
    problems: Sequence[tuple[int, str]]
