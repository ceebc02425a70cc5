"""What on-call is paid (pure): every hour once, in the class that goes first; never a float."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from firebell.kit.errors import Invalid
from firebell.oncall.rota.fairness import HourClass, Load, night_of
from firebell.paging.model import Arrival
from firebell.workload.model import Line, Pay, Rates, TimeOff

_NO_CENTS = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905 - a word each
)
_MILLS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_HIGHEST = Decimal(1_000_000)
_REST = Decimal(24)
_HOUR = Decimal(3600)
GRAVE = 1
"""SEV0 and SEV1 nights are made up for."""


def _unit(currency: str) -> Decimal:
    return Decimal(1 if currency in _NO_CENTS else "0.001" if currency in _MILLS else "0.01")


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return an amount in the smallest unit of its currency, half up."""
    return amount.quantize(_unit(currency), ROUND_HALF_UP)


def hours(length: timedelta) -> Decimal:
    """Return a length in hours, exact to the microsecond."""
    return (Decimal(length // timedelta(microseconds=1)) / 1_000_000) / _HOUR


def pay(load: Load, rates: Rates) -> Pay:
    """Return what a load is paid; each line is rounded, and the total is their sum."""
    lines = tuple(
        Line(c, load.of(c), rounded(hours(load.of(c)) * rates.of(c), rates.currency)) for c in HourClass
    )
    stipend = rounded(rates.per_shift * load.shifts, rates.currency)
    return Pay(lines, load.shifts, stipend, sum((line.amount for line in lines), stipend))


def time_off(arrivals: Sequence[Arrival], tz: str, month: date, rates: Rates) -> tuple[TimeOff, ...]:
    """Return the rest that is proposed to one person: once a night of this month, for SEV0 and SEV1 calls."""
    nights: dict[date, dict[int, int]] = {}
    for arrival in arrivals:
        night = night_of(arrival.at, tz)
        grave = arrival.severity is not None and arrival.severity <= GRAVE
        if grave and night and (night.year, night.month) == (month.year, month.month):
            nights.setdefault(night, {})[arrival.page_id] = arrival.severity or 0
    return tuple(
        TimeOff(night, tuple(f"PG-{i}" for i in sorted(found)), min(found.values()), rates.rest_hours)
        for night, found in sorted(nights.items())
    )


def checked(given: Mapping[str, str]) -> Rates:
    """Return rates as a person wrote them; raise `Invalid` naming every field that is wrong."""
    wrong: dict[str, str] = {}

    def amount(name: str, highest: Decimal) -> Decimal:
        text = given.get(name, "").strip() or "0"
        try:
            found = Decimal(text)
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite() or not re.fullmatch(r"\d{1,9}(\.\d{1,4})?", text) or found > highest:
            wrong[name] = f"A number from 0 to {highest:,} such as 12.50, at most four decimals."
            return Decimal(0)
        return found

    currency = given.get("currency", "").strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        wrong["currency"] = "The three letters of ISO 4217, such as EUR."
    country = given.get("country", "").strip().upper()
    if not re.fullmatch(r"([A-Z]{2})?", country):
        wrong["country"] = "The two letters of ISO 3166, such as SE; empty for no holidays."
    subdivision = given.get("subdivision", "").strip().upper()
    if not re.fullmatch(r"[A-Z0-9]{0,3}", subdivision) or (subdivision and not country):
        wrong["subdivision"] = "A part of the country by ISO 3166-2, such as BY of DE-BY."
    rates = Rates(
        currency,
        {c: amount(c, _HIGHEST) for c in HourClass},
        amount("per_shift", _HIGHEST),
        amount("rest_hours", _REST),
        country,
        subdivision,
    )
    if wrong:
        raise Invalid("The rates cannot be kept as they are.", fields=wrong)
    return rates


def to_json(rates: Rates) -> dict[str, str]:
    """Return rates as the database and a form keep them: text alone, so that no digit is lost."""
    return {
        "currency": rates.currency,
        **{c: f"{rates.of(c):f}" for c in HourClass},
        "per_shift": f"{rates.per_shift:f}",
        "rest_hours": f"{rates.rest_hours:f}",
        "country": rates.country,
        "subdivision": rates.subdivision,
    }


def from_json(data: Mapping[str, Any]) -> Rates:
    """Return the rates that `to_json` described."""
    return Rates(
        data["currency"],
        {c: Decimal(data[c]) for c in HourClass},
        Decimal(data["per_shift"]),
        Decimal(data["rest_hours"]),
        data["country"],
        data["subdivision"],
    )
