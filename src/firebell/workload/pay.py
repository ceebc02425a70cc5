"""Computes on-call pay (pure): each hour counts once, at its highest-priority rate; never a float."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from firebell.kit import currencies
from firebell.kit.errors import Invalid
from firebell.kit.typed_numbers import typed_decimal
from firebell.oncall.rota.fairness import HourClass, Load, night_of
from firebell.paging.model import Arrival
from firebell.workload.model import Line, Pay, Rates, TimeOff

_MAX_AMOUNT = Decimal(1_000_000)
_MAX_REST_HOURS = Decimal(24)
_MICROSECONDS_PER_HOUR = Decimal(3_600_000_000)
TIME_OFF_SEVERITY = 1
"""Nights with a page of this severity or a worse one (SEV0, SEV1) earn time off."""


def hours(length: timedelta) -> Decimal:
    """Return a duration in hours, for display only: a third of an hour is inexact as a decimal."""
    return Decimal(length // timedelta(microseconds=1)) / _MICROSECONDS_PER_HOUR


def pay(load: Load, rates: Rates) -> Pay:
    """Return the pay for a load; each line is rounded, and the total is their sum."""
    lines = tuple(Line(c, load.of(c), _amount(load.of(c), rates.of(c), rates.currency)) for c in HourClass)
    stipend = currencies.rounded(rates.per_shift * load.shifts, rates.currency)
    return Pay(lines, load.shifts, stipend, sum((line.amount for line in lines), stipend))


def _amount(length: timedelta, per_hour: Decimal, currency: str) -> Decimal:
    """Return the cost of a duration, rounded half up only once: 2 minutes in hours are inexact as a decimal."""
    microseconds = Decimal(length // timedelta(microseconds=1))
    return currencies.rounded(microseconds * per_hour / _MICROSECONDS_PER_HOUR, currency)


def time_off(arrivals: Sequence[Arrival], tz: str, month: date, rates: Rates) -> tuple[TimeOff, ...]:
    """Return one person's proposed time off: once per night of this month with a SEV0 or SEV1 page."""
    nights: dict[date, dict[int, int]] = {}
    for arrival in arrivals:
        if arrival.severity is None or arrival.severity > TIME_OFF_SEVERITY:
            continue
        night = night_of(arrival.at, tz)
        if night and (night.year, night.month) == (month.year, month.month):
            nights.setdefault(night, {})[arrival.page_id] = arrival.severity
    return tuple(
        TimeOff(
            night, tuple(f"PG-{i}" for i in sorted(severities)), min(severities.values()), rates.rest_hours
        )
        for night, severities in sorted(nights.items())
    )


def checked(fields: Mapping[str, str]) -> Rates:
    """Parse the rates that a person entered; raise `Invalid` with an error for each wrong field."""
    errors: dict[str, str] = {}

    def amount(name: str, highest: Decimal) -> Decimal:
        text = fields.get(name, "").strip() or "0"
        try:
            number = typed_decimal(text)
        except ValueError:
            number = highest + 1
        if number > highest or number != round(number, 4):
            errors[name] = f"Enter a number from 0 to {highest:,}, such as 12.50, with at most four decimals."
            return Decimal(0)
        return number

    currency = fields.get("currency", "").strip().upper()
    if currency not in currencies.CODES:
        errors["currency"] = "Enter a three-letter ISO 4217 code, such as EUR."
    country = fields.get("country", "").strip().upper()
    if not re.fullmatch(r"([A-Z]{2})?", country):
        errors["country"] = "Enter a two-letter ISO 3166 code, such as SE, or leave blank for no holidays."
    subdivision = fields.get("subdivision", "").strip().upper()
    if not re.fullmatch(r"[A-Z0-9]{0,3}", subdivision) or (subdivision and not country):
        errors["subdivision"] = "Enter a part of the country by ISO 3166-2, such as BY for DE-BY."
    rates = Rates(
        currency,
        {c: amount(c, _MAX_AMOUNT) for c in HourClass},
        amount("per_shift", _MAX_AMOUNT),
        amount("rest_hours", _MAX_REST_HOURS),
        country,
        subdivision,
    )
    if errors:
        raise Invalid("Check the highlighted rates.", fields=errors)
    return rates


def to_json(rates: Rates) -> dict[str, str]:
    """Return rates as JSON for the database and forms: all text, so that no digits are lost."""
    return {
        "currency": rates.currency,
        **{c: f"{rates.of(c):f}" for c in HourClass},
        "per_shift": f"{rates.per_shift:f}",
        "rest_hours": f"{rates.rest_hours:f}",
        "country": rates.country,
        "subdivision": rates.subdivision,
    }


def from_json(data: Mapping[str, Any]) -> Rates:
    """Return the rates that `to_json` wrote."""
    return Rates(
        data["currency"],
        {c: Decimal(data[c]) for c in HourClass},
        Decimal(data["per_shift"]),
        Decimal(data["rest_hours"]),
        data["country"],
        data["subdivision"],
    )
