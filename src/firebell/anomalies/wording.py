"""Sentences about anomalies, their alerts and back-tests (pure)."""

from datetime import datetime, timedelta

from firebell.anomalies.bins import BinSize
from firebell.anomalies.detection import CALM_BINS, LEARNING_COUNT
from firebell.anomalies.model import Anomaly, AnomalyTotals, detector_path
from firebell.anomalies.scoring import CALM_BELOW, EXTREME_ABOVE, SCORE_ABOVE
from firebell.kit.localtime import format_local, format_range
from firebell.kit.text import plural, times

BIN_NAMES = {BinSize.QUARTER: "15 minutes", BinSize.HOUR: "one hour"}
TITLE_NAME_MAX_CHARS = 90
"""Characters of the names in a title, which may have 255 altogether."""


def usual_range(anomaly: Anomaly) -> str:
    """Return the usual range, such as 0–6; empty while Firebell was learning."""
    if anomaly.usual_low is None:
        return ""
    if anomaly.usual_low == anomaly.usual_high:
        return str(anomaly.usual_low)
    return f"{anomaly.usual_low}–{anomaly.usual_high}"


def title(service: str, rule: str, anomaly: Anomaly) -> str:
    """Return the title of the alert."""
    length = anomaly.bin_size.label
    if rule:
        count = f"{_cut(rule)} fired {times(anomaly.count)} in {length} on {_cut(service)}"
    else:
        count = f"{plural(anomaly.count, 'alert')} of {_cut(service)} in {length}"
    return f"{count}, usually {usual_range(anomaly)}" if not anomaly.is_learning else f"{count} (learning)"


def _cut(name: str) -> str:
    return name if len(name) <= TITLE_NAME_MAX_CHARS else name[: TITLE_NAME_MAX_CHARS - 1] + "…"


def body(service: str, slug: str, rule: str, anomaly: Anomaly, tz: str) -> str:
    """Return the body of the alert: the count, the usual range, the score, since when, and when it resolves."""
    until = anomaly.peak_at + anomaly.bin_size.length
    what = f"Alerts of the rule {rule} on {service}" if rule else f"Alerts of {service}"
    bin_name = BIN_NAMES[anomaly.bin_size]
    lines = [
        f"{what}: {anomaly.count} began in {bin_name}, {format_range(anomaly.peak_at, until, tz)} ({tz}).",
    ]
    if anomaly.is_learning:
        lines += [
            f"Firebell is still learning what is usual, so {LEARNING_COUNT} or more is an anomaly.",
            f"It resolves after {CALM_BINS} bins of {bin_name} with fewer than {LEARNING_COUNT}.",
        ]
    else:
        lines += [
            f"Usually it is {usual_range(anomaly)} at this time of the week, with a median of"
            f" {anomaly.median:g} in the last eight weeks.",
            f"The score is {anomaly.score:g}. Two bins in a row above {SCORE_ABOVE:g}, or one above"
            f" {EXTREME_ABOVE:g}, are an anomaly.",
            f"It resolves after {CALM_BINS} bins in a row with a score below {CALM_BELOW:g}.",
        ]
    lines.insert(1, f"It has been unusual since {format_local(anomaly.began_at, tz)}.")
    lines.append(f"See the bins in Firebell: {detector_path(slug, rule)}")
    return "\n".join(lines)


def number_of(anomalies: int) -> str:
    """Return a number of anomalies with the noun."""
    return f"{anomalies} {'anomaly' if anomalies == 1 else 'anomalies'}"


def lead(minutes: int) -> str:
    """Return how long before an incident an anomaly fired."""
    if minutes > 0:
        return f"{minutes} min before"
    return f"{-minutes} min after" if minutes else "at the same time"


def heading(totals: AnomalyTotals, *, subject: str) -> str:
    """Return the finding of a back-test as one sentence."""
    if not totals.anomalies:
        return f"Nothing about {subject} was unusual in {plural(totals.days, 'day')}"
    return f"{plural(totals.pages, 'page')} in {plural(totals.days, 'day')}, {totals.false_pages} without a cause"


def led(totals: AnomalyTotals) -> str:
    """Return how many incidents a page came before."""
    return f"{totals.led} of {totals.incidents}"


def rate(pages_per_30_days: float) -> str:
    """Return a rate with one decimal, none if it is whole."""
    return f"{round(pages_per_30_days, 1):g}"


def comparison(predicted: AnomalyTotals, actual: AnomalyTotals) -> str:
    """Return a back-test beside what happened since it was accepted."""
    return (
        f"The back-test said {rate(predicted.pages_per_30_days)} pages in 30 days,"
        f" {rate(predicted.false_per_30_days)} without a cause; it was {rate(actual.pages_per_30_days)} and"
        f" {rate(actual.false_per_30_days)}."
    )


def lasted(anomaly: Anomaly, now: datetime) -> timedelta:
    """Return how long an anomaly lasted from its first unusual bin, or has lasted up to now."""
    return (anomaly.cleared_at or now) - anomaly.began_at
