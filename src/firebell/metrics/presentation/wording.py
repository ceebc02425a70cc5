"""The findings of metrics in words, and numbers as people read them (pure)."""

from collections.abc import Mapping
from datetime import date, timedelta

from firebell.kit.localtime import to_local
from firebell.kit.text import plural
from firebell.metrics.definition_history import DefinitionChange, changed_in
from firebell.metrics.definitions import CUSTOMER_MINUTES, Kind, Subject
from firebell.metrics.model import Exclusion
from firebell.metrics.presentation.results import Result
from firebell.metrics.presentation.summaries import FEW_BELOW, TOO_FEW_BELOW
from firebell.metrics.presentation.tables import Cell, Unit
from firebell.metrics.windows import Window

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_HOURS_UP_TO = 100 * _HOUR
REASON_NAMES: Mapping[str, str] = {
    **{str(reason): str(reason) for reason in Exclusion},
    "no_start": "start not known",
    "no_end": "end not known",
    "negative": "times contradict each other",
    "not_due": "not due yet",
    "no_customers": "no customer count",
}
"""Why a case is left out."""


HIT_NAMES: Mapping[str, str] = {
    "repeats": "came back",
    "preventable": "preventable",
    "noise": "no action needed",
    "levels": "first level",
    "severity": "severity stayed",
    "postmortems": "in time",
}
"""What a case counted by a share is called, by metric."""


def parts(seconds: float) -> tuple[str, str]:
    """Return a duration as (number, unit), such as ("58", "min"), ("1:38", "h") and ("10.3", "d")."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f}", "s"
    if seconds % _HOUR == 0 and seconds < _HOURS_UP_TO:
        return f"{seconds // _HOUR:.0f}", "h"
    if seconds < 100 * _MINUTE:
        return f"{seconds / _MINUTE:.0f}", "min"
    minutes = round(seconds / _MINUTE)
    if seconds < _HOURS_UP_TO:
        return f"{minutes // 60}:{minutes % 60:02}", "h"
    return f"{seconds / _DAY:.1f}".removesuffix(".0"), "d"


def length(seconds: float | None) -> str:
    """Return a duration in one text, “not reached” for None."""
    return "not reached" if seconds is None else " ".join(parts(seconds))


def customer_minutes(minutes: int) -> tuple[str, str]:
    """Return customer minutes as (number, unit), such as ("284,200", "min") and ("12.4", "million min")."""
    if minutes >= 10_000_000:
        return f"{minutes / 1_000_000:,.1f}", "million min"
    return f"{minutes:,}", "min"


def percent(share: float | None) -> str:
    """Return a share as a whole percentage; what is not all, or not nothing, never reads as if it were."""
    if share is None:
        return "–"
    if 0 < share < 1:
        return f"{min(99, max(1, round(share * 100)))}%"
    return f"{share * 100:.0f}%"


def cell(value: Cell, unit: Unit) -> str:
    """Return a cell of a table as people read it."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    match unit:
        case Unit.SECONDS:
            return length(value)
        case Unit.SHARE:
            return f"{value * 100:.2f}%"
        case _:
            return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def month_name(month: str) -> str:
    """Return a month such as 2026-11 as Nov."""
    return f"{date.fromisoformat(f'{month}-01'):%b}"


def days(window: Window) -> str:
    """Return the days of a period, such as 1 Oct – 25 Nov 2026."""
    first, last = window.first_day, window.last_day
    if first == last:
        return f"{last.day} {last:%b %Y}"
    year = "" if first.year == last.year else f" {first:%Y}"
    return f"{first.day} {first:%b}{year} – {last.day} {last:%b %Y}"


def days_before(window: Window) -> str:
    """Return the days of the period before."""
    start = to_local(window.before_start, window.zone).date()
    last = window.first_day - timedelta(days=1)
    year = "" if start.year == last.year else f" {start:%Y}"
    return f"{start.day} {start:%b}{year} – {last.day} {last:%b %Y}"


def interval_of_share(interval: tuple[float, float] | None) -> str:
    """Return the interval of a share, such as between 45% and 94%."""
    if interval is None:
        return ""
    return f"between {percent(interval[0])} and {percent(interval[1])}"


def subject(result: Result) -> str:
    """Return what a metric counts, with its severity, such as SEV1 incidents."""
    severity = result.scope.severity
    if severity is None or result.definition.subject is Subject.ITEMS:
        return str(result.definition.subject)
    return f"SEV{severity} {result.definition.subject}"


def _of(n: int, things: str) -> str:
    return plural(n, things.removesuffix("s"))


def title(result: Result) -> str:
    """Return the finding of a metric as the title of its screen."""
    what, things = result.definition, subject(result)
    match what.kind:
        case Kind.DURATION:
            return _title_of_duration(result, things)
        case Kind.SHARE:
            assert result.share
            if not result.share.n:
                return f"No {things} to count"
            verb = what.finding
            if what.slug == "preventable":
                return f"{result.share.hits} of {result.share.n} {things} {verb}"
            return f"{result.share.hits} of {result.share.n} {verb}"
        case Kind.SERVICES:
            return _title_of_services(result)
        case Kind.COUNT:
            assert result.count
            if what.slug == "cost":
                return f"{length(result.seconds or 0)} of people’s time {what.finding}"
            if what.slug == CUSTOMER_MINUTES:
                return _title_of_customer_minutes(result)
            number = result.count.number
            if what.slug == "nights":
                return f"{plural(number, 'night')} {'was' if number == 1 else 'were'} interrupted"
            return f"{_of(number, things)} {'was' if number == 1 else 'were'} declared"


def _title_of_customer_minutes(result: Result) -> str:
    if not result.n:
        return "No customer minutes to count"
    number, unit = customer_minutes(result.customer_minutes or 0)
    return f"{number} {unit.removesuffix('min')}customer minutes {result.definition.finding}"


def _title_of_duration(result: Result, things: str) -> str:
    figure = result.summary
    assert figure
    if figure.n == 0:
        return f"No {things} to measure"
    if figure.n < TOO_FEW_BELOW:
        return f"{_of(figure.n, things)} {'is' if figure.n == 1 else 'are'} too few for a median"
    finding = result.definition.finding
    if figure.median is None:
        return f"Fewer than half of {things} were {finding}"
    return f"Half of {things} were {finding} within {length(figure.median)}"


def _title_of_services(result: Result) -> str:
    if result.definition.slug == "impact":
        return (
            f"Customers felt incidents for {length(result.seconds or 0)}" if result.seconds else "No impact"
        )
    if not result.services:
        return "No service failed"
    worst = result.services[0]
    return f"{worst.name} runs {length(worst.between.seconds)} between failures"


def definition_changes(result: Result) -> list[DefinitionChange]:
    """Return the changes of the definition that split the period, or the period before it."""
    window = result.scope.window
    before = to_local(window.before_start, window.zone).date()
    return changed_in(result.definition.changes, before, window.last_day)


def honesty(result: Result) -> str:
    """Return how far the finding can be trusted: the change since the period before, or that the sample is small."""
    if (change := result.change) and result.summary:
        if result.summary.n == 0:
            return "No cases match this period and these filters."
        if change.result == "too_few":
            fewer = "before" if change.n >= TOO_FEW_BELOW else "in this period"
            return f"There are too few cases {fewer} to tell whether this is a change."
        was = f"from {length(change.median_before)} in the previous period"
        if change.result == "none":
            return f"No detectable change {was}."
        return f"{'Shorter' if change.is_shorter else 'Longer'} than chance alone explains, {was}."
    if result.share is not None:
        text = interval_of_share(result.share.interval)
        if not text:
            return "No cases match this period and these filters."
        few = ", because the sample is small" if result.share.n < FEW_BELOW else ""
        return f"{percent(result.share.value)}; the true share is {text}{few}."
    if result.definition.slug == CUSTOMER_MINUTES:
        return _honesty_of_customer_minutes(result)
    return result.definition.sentence


def _honesty_of_customer_minutes(result: Result) -> str:
    unknown = result.excluded.get("no_customers", 0)
    if not result.n:
        if not unknown:
            return "No cases match this period and these filters."
        return f"No one recorded how many customers {plural(unknown, 'incident')} affected."
    counted = f"The sum of {plural(result.n, 'incident')}"
    if result.n < TOO_FEW_BELOW:
        counted += ", too few to compare periods"
    if unknown:
        have = "has" if unknown == 1 else "have"
        return (
            f"{counted}. The real number is higher: {plural(unknown, 'incident')} {have} no customer count."
        )
    return f"{counted}."


def excluded(result: Result) -> str:
    """Return how many cases are left out and why, such as 2 drill, 1 merged."""
    listed = [f"{n} {REASON_NAMES[reason]}" for reason, n in sorted(result.excluded.items())]
    return ", ".join(listed) or "None"


def test_of_change(result: Result) -> str:
    """Return how the change was tested."""
    change = result.change
    if change is None or change.result == "too_few":
        return f"Both periods need at least {TOO_FEW_BELOW} cases."
    if change.comparison is None:
        return (
            "With this many cases, it is a change only if the 95% intervals of the two medians do not touch."
        )
    tries = max(1, round(change.comparison.p * 100))
    difference = length(abs(change.comparison.difference))
    return (
        f"The medians differ by {difference}. Shuffling the {change.n + change.n_before} cases gives a difference this"
        f" large in {tries} of 100 tries."
    )
