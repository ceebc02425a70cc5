"""What a silence may be, and which alerts one matches (pure, spec 3.3)."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.alerts import mutes
from firebell.alerts.past_alert_columns import AlertKind
from firebell.alerts.silences.model import NewSilence, Silence, SilenceState
from firebell.kit import matchers
from firebell.kit.errors import Conflict
from firebell.kit.matchers import Matcher, matches_all
from firebell.kit.text import required_text
from firebell.kit.web.field_errors import FieldErrors

LONGEST = timedelta(days=30)
LONGEST_DELAY = timedelta(days=365)
"""How far ahead a silence may start."""
COMMENT_MAX_CHARS = 1_000
_ESCAPED = re.compile(r"[\\.+*?()|\[\]{}^$]")
EXAMPLE = 'Enter matchers such as {alertname="DiskFull", instance=~"db-.*"}.'


def checked(entered: NewSilence, now: datetime) -> NewSilence:
    """Return a silence as it is stored, with its start; raise `Invalid` with the message of every wrong field."""
    errors = FieldErrors()
    text = errors.value(lambda: checked_matchers(entered.matchers), "")
    comment = errors.value(
        lambda: required_text(
            entered.comment,
            COMMENT_MAX_CHARS,
            name="comment",
            hint="Enter why these alerts page no one.",
            field="comment",
        ),
        "",
    )
    starts_at = max(entered.starts_at or now, now)
    if starts_at > now + LONGEST_DELAY:
        errors.add("starts_at", "Enter a start within a year.")
    elif entered.ends_at <= starts_at:
        errors.add("ends_at", "Enter an end in the future, after the start.")
    elif entered.ends_at - starts_at > LONGEST:
        errors.add("ends_at", "Enter an end at most 30 days after the start.")
    errors.check()
    return replace(
        entered,
        matchers=text,
        comment=comment,
        starts_at=starts_at,
        service_ids=tuple(sorted(set(entered.service_ids))),
    )


def checked_matchers(text: str) -> str:
    """Return matchers as they are stored; raise `Invalid` if they would match an alert without labels."""
    return mutes.checked_matchers(text, "matchers", EXAMPLE)


def check_open(silence: Silence, now: datetime) -> None:
    """Raise `Conflict` if a silence has expired."""
    if silence.state(now) is SilenceState.EXPIRED:
        raise Conflict(f"Silence {silence.id} has expired.", hint="Create a new one.")


def is_replaced(silence: Silence, new: NewSilence, now: datetime) -> bool:
    """Return True if a change ends the silence and begins another: what a running one matches never changes."""
    matches_other_alerts = (silence.matchers, silence.service_ids) != (new.matchers, new.service_ids)
    return silence.state(now) is SilenceState.ACTIVE and matches_other_alerts


def is_silenced(conditions: Sequence[Matcher], alert: AlertKind) -> bool:
    """Return True if a silence of the alert's service with these matchers would have silenced it."""
    if mutes.always_pages(alert.dedup_key, alert.labels):
        return False
    return matches_all(conditions, alert.matched)


MAX_ALTERNATIVES = 20
"""Names or titles that the matchers for several alerts list."""


def matchers_for_alerts(alerts: Sequence[tuple[str, dict[str, str]]]) -> str:
    """Return matchers for alerts like these, each with its title and labels: the labels that all have in common.

    Unless all have the same `alertname`, the matchers also list their names, or titles if one has no such label; empty
    if there are too many to list.
    """
    each = [{name: value for name, value in labels.items() if value} for _, labels in alerts]
    shared = {n: v for n, v in each[0].items() if all(labels.get(n) == v for labels in each)} if each else {}
    name = "alertname" if all("alertname" in labels for labels in each) else "title"
    values = sorted({labels.get(name, title) for (title, _), labels in zip(alerts, each, strict=True)})
    if len(values) > MAX_ALTERNATIVES:
        return ""
    conditions = [Matcher(label, matchers.Op.EQUAL, value) for label, value in shared.items()]
    if len(values) > 1:
        pattern = "|".join(_ESCAPED.sub(r"\\\g<0>", value) for value in values)
        conditions.append(Matcher(name, matchers.Op.MATCHES, pattern))
    elif values and name not in shared:
        conditions.append(Matcher(name, matchers.Op.EQUAL, values[0]))
    return matchers.print_all(sorted(conditions, key=lambda each: each.name)) if conditions else ""
