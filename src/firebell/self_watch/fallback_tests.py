"""The daily test of the fallback responders: when it is sent, and who does not confirm it (spec 2.10; pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from firebell.kit.errors import Invalid
from firebell.kit.findings import Finding, FindingLevel
from firebell.kit.localtime import known_zone

FIRST_HOUR, LAST_HOUR = 7, 20
"""The hours of the day at which a test may be sent: it wakes no one."""
DEFAULT_HOUR = 10
UNCONFIRMED_DAYS = 3
"""Number of tests in a row without a confirmation from which it is a finding."""


@dataclass(frozen=True, slots=True)
class FallbackTestSettings:
    """Whether each fallback responder gets a test message a day, and at which hour in their time zone."""

    is_on: bool = False
    hour: int = DEFAULT_HOUR


@dataclass(frozen=True, slots=True)
class ResponderTests:
    """The tests of one fallback responder: the latest ones, and how many since the last confirmed one."""

    person_id: int
    sent_at: datetime | None = None
    confirmed_at: datetime | None = None
    unconfirmed: int = 0

    @property
    def is_finding(self) -> bool:
        """True if the last tests were not confirmed, so that messages may not arrive."""
        return self.unconfirmed >= UNCONFIRMED_DAYS


def settings_of(stored: Mapping[str, object] | None) -> FallbackTestSettings:
    """Return the settings as they are stored, the default without any."""
    return FallbackTestSettings(**stored) if stored else FallbackTestSettings()  # type: ignore[arg-type]


def check_hour(hour: int) -> int:
    """Return an hour of the day; raise `Invalid` for one at which people sleep."""
    if not FIRST_HOUR <= hour <= LAST_HOUR:
        raise Invalid(
            "The test cannot be sent at that hour.",
            fields={"hour": f"Enter an hour from {FIRST_HOUR} to {LAST_HOUR}."},
        )
    return hour


def day_of_test(tz: str, settings: FallbackTestSettings, now: datetime) -> date | None:
    """Return the day of the test that is due now in a time zone; None outside of decent hours.

    A test that is late, because Firebell did not run, is sent on the same day or not at all.
    """
    local = now.astimezone(ZoneInfo(known_zone(tz)))
    return local.date() if settings.is_on and settings.hour <= local.hour <= LAST_HOUR else None


def findings(tests: Sequence[ResponderTests], names: Mapping[int, str]) -> list[Finding]:
    """Return N-FALLBACK for each fallback responder who has not confirmed their tests for days."""
    return [
        Finding(
            f"N-FALLBACK:{one.person_id}",
            "N-FALLBACK",
            FindingLevel.WARNING,
            f"{names[one.person_id]} has not confirmed the last {one.unconfirmed} daily tests.",
            subject=f"person:{one.person_id}",
            advice="Ask whether the messages arrive, or choose another fallback responder under Settings, Teams.",
        )
        for one in tests
        if one.is_finding and one.person_id in names
    ]
