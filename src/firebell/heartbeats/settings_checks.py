"""Checks what people choose about a heartbeat, field by field (pure)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from firebell.alerts.model import SEVERITIES
from firebell.heartbeats import cron
from firebell.heartbeats.model import Expectation, HeartbeatAlert, HeartbeatSettings
from firebell.kit import localtime, matchers
from firebell.kit.errors import Invalid
from firebell.kit.text import clean_name, clean_text
from firebell.kit.web.field_errors import FieldErrors

NAME_MAX_CHARS = 100
DESCRIPTION_MAX_CHARS = 2_000
TITLE_MAX_CHARS = 200
LEAST_PERIOD, LONGEST_PERIOD = timedelta(minutes=1), timedelta(days=366)
LEAST_GRACE, LONGEST_GRACE = timedelta(seconds=30), timedelta(days=30)
LEAST_RUNTIME, LONGEST_RUNTIME = timedelta(minutes=1), timedelta(days=30)
MAX_LABELS = 20
WATCHDOG = '{alertname="Watchdog"}'
"""The rule of the Prometheus operator that always fires."""
_NOT_A_NAME = re.compile(r"start|fail|\d{1,3}|\.{1,2}", re.IGNORECASE | re.ASCII)
"""The ends of an address that report something, so that an address without a name is not read as one."""


@dataclass(frozen=True, slots=True)
class SettingsInput:
    """The settings of a heartbeat as someone entered them."""

    period: timedelta | None = None
    cron: str = ""
    time_zone: str = "UTC"
    grace: timedelta = timedelta(minutes=5)
    max_runtime: timedelta | None = None
    alert_title: str = ""
    severity: str = "critical"
    labels: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    matchers: str = ""


def checked_name(text: str) -> str:
    """Return the name of a heartbeat; raise `Invalid` for one that its address cannot have."""
    name = clean_name(text, "name", limit=NAME_MAX_CHARS)
    if _NOT_A_NAME.fullmatch(name):
        raise Invalid(
            f"A heartbeat can’t be named {name}.",
            fields={"name": "Enter a name other than start, fail, dots or a number of up to three digits."},
        )
    return name


def checked(entered: SettingsInput) -> HeartbeatSettings:
    """Return the settings; raise `Invalid` with the message of every wrong field."""
    errors = FieldErrors()
    if (entered.period is None) == (not entered.cron.strip()):
        errors.add("period", "Enter either a period or a cron expression.")
    if entered.period is not None:
        _check_length(errors, "period", entered.period, LEAST_PERIOD, LONGEST_PERIOD, "1 min and 366 d")
    _check_length(errors, "grace", entered.grace, LEAST_GRACE, LONGEST_GRACE, "30 s and 30 d")
    if entered.max_runtime is not None:
        _check_length(
            errors, "max_runtime", entered.max_runtime, LEAST_RUNTIME, LONGEST_RUNTIME, "1 min and 30 d"
        )
    if entered.time_zone not in localtime.zone_names():
        errors.add("time_zone", "Choose a time zone such as Europe/Berlin.")
    if entered.cron.strip():
        try:
            cron.parse(entered.cron.strip())
        except cron.CronError as error:
            errors.add("cron", str(error))
    if entered.severity not in SEVERITIES:
        errors.add("severity", f"Choose one of {', '.join(SEVERITIES)}.")
    if len(entered.labels) > MAX_LABELS:
        errors.add("labels", f"Enter at most {MAX_LABELS} labels.")
    title = errors.value(lambda: clean_text(entered.alert_title, TITLE_MAX_CHARS, "alert_title"), "")
    description = errors.value(
        lambda: clean_text(entered.description, DESCRIPTION_MAX_CHARS, "description"), ""
    )
    conditions = errors.value(lambda: checked_matchers(entered.matchers), "")
    errors.check()
    return HeartbeatSettings(
        expectation=Expectation(
            period=entered.period,
            cron=entered.cron.strip(),
            time_zone=entered.time_zone,
            grace=entered.grace,
            max_runtime=entered.max_runtime,
        ),
        alert=HeartbeatAlert(" ".join(title.split()), entered.severity, dict(entered.labels)),
        description=description,
        matchers=conditions,
    )


def _check_length(
    errors: FieldErrors, name: str, length: timedelta, least: timedelta, longest: timedelta, between: str
) -> None:
    if not least <= length <= longest:
        errors.add(name, f"Enter a length between {between}.")


def checked_matchers(text: str) -> str:
    """Return matchers as they are stored, an empty text for none; raise `Invalid` for the field `matchers`."""
    stored = matchers.checked(text, "matchers", f"Enter matchers such as {WATCHDOG}.")
    if stored and matchers.matches_all(matchers.parse(stored), {}):
        raise Invalid(
            "These matchers match alerts without labels.",
            fields={"matchers": "Enter at least one matcher with a value that the alert must have."},
        )
    return stored
