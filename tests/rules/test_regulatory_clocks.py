"""Due times and states of regulatory clocks: the vectors of spec 4.3, and what is true for all facts (LC3)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.regulatory import rules
from firebell.regulatory.model import (
    Answer,
    AppliedRegime,
    Clock,
    FactRecord,
    FactType,
    IncidentFacts,
    RegimeSettings,
    State,
    Unit,
)
from firebell.regulatory.regimes.files import catalog

REGIMES = catalog().regimes
DEFINITIONS = catalog().facts
ALL = [AppliedRegime(regime, RegimeSettings(is_on=True)) for regime in REGIMES.values()]
OBLIGATIONS = {one.id: (applied, one) for applied in ALL for one in applied.regime.obligations}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def at(text: str, tz: str = "UTC") -> datetime:
    """Return a local time as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)


def record(number: int, fact: str, effective_at: datetime | None, answer: Answer = Answer.YES) -> FactRecord:
    """Return a record of a fact; `number` is its place in the order of recording."""
    return FactRecord(number, fact, answer, effective_at, "", NOW, 1, "Mara")


def incident(detected_at: datetime, *records: FactRecord, drill: bool = False) -> IncidentFacts:
    """Return an incident that was declared when it was detected."""
    return IncidentFacts(detected_at, detected_at, records, drill)


def decided(obligation: str, facts: IncidentFacts) -> IncidentFacts:
    """Return the facts with yes, at the detection, to each decision of the obligation that has no record."""
    known = {one.fact for one in facts.records}
    missing = [fact for fact in OBLIGATIONS[obligation][1].applies_if if fact not in known]
    more = [record(900 + i, fact, facts.detected_at) for i, fact in enumerate(missing)]
    return IncidentFacts(facts.detected_at, facts.declared_at, (*facts.records, *more), facts.is_drill)


def clock(obligation: str, facts: IncidentFacts, now: datetime | None = None) -> Clock:
    """Return the clock of one obligation, by default as of the detection."""
    every = rules.clocks(facts, [OBLIGATIONS[obligation][0]], DEFINITIONS, now or facts.detected_at)
    return next(one for one in every if one.id == obligation)


def due(obligation: str, start: str, tz: str = "UTC", fact: str = "") -> datetime | None:
    """Return when an obligation is due whose first limit starts on a fact at a local time."""
    fact = fact or OBLIGATIONS[obligation][1].limits[0].after
    when = at(start, tz)
    return clock(obligation, decided(obligation, incident(when, record(1, fact, when)))).due_at


VECTORS = [
    ("GDPR-33", "2026-03-28T10:00", "Europe/Berlin", at("2026-03-31T09:00")),
    ("SEC-8K", "2026-07-02T15:00", "America/New_York", at("2026-07-09T17:30", "America/New_York")),
    ("SEC-8K", "2026-08-01T12:00", "America/New_York", at("2026-08-06T17:30", "America/New_York")),
    ("HIPAA-IND", "2026-01-15T09:00", "America/New_York", at("2026-03-16T23:59:59", "America/New_York")),
    ("HIPAA-HHS", "2026-05-05T09:00", "America/New_York", at("2027-03-01T23:59:59", "America/New_York")),
    ("NIS2-FR", "2026-01-31T12:00", "UTC", at("2026-02-28T23:59:59", "Europe/Brussels")),
]


@pytest.mark.parametrize(("obligation", "start", "tz", "expected"), VECTORS)
def test_an_authority_is_notified_in_time(obligation: str, start: str, tz: str, expected: datetime) -> None:
    assert due(obligation, start, tz) == expected


@pytest.mark.parametrize(
    ("classified", "expected"),
    [
        ("2026-05-04T10:00", "2026-05-04T14:00"),
        ("2026-05-05T07:00", "2026-05-05T08:00"),
        ("2026-05-05T14:00", "2026-05-05T18:00"),
    ],
)
def test_dora_counts_from_the_classification_or_from_awareness(classified: str, expected: str) -> None:
    aware = at("2026-05-04T08:00")
    facts = incident(aware, record(1, "aware", aware), record(2, "dora_major", at(classified)))
    assert clock("DORA-I", facts).due_at == at(expected)


# figures of the regimes that the spec's vectors do not cover, and the business days of other countries
FIGURES = [
    ("FCA-I", "2027-04-01T10:00", "Europe/London", at("2027-04-02T10:00", "Europe/London")),
    # Good Friday, Easter Monday and two bank holidays in May are no working days
    ("FCA-F", "2027-03-22T10:00", "Europe/London", at("2027-05-06T23:59:59", "Europe/London")),
    ("REGSP-30", "2026-12-15T10:00", "America/New_York", at("2027-01-14T23:59:59", "America/New_York")),
    ("FTC-SG", "2026-02-01T10:00", "America/New_York", at("2026-03-03T23:59:59", "America/New_York")),
    ("NCUA-72", "2026-11-06T10:00", "America/New_York", at("2026-11-09T15:00")),
    ("CERTIN-6", "2026-11-24T22:00", "Asia/Kolkata", at("2026-11-25T04:00", "Asia/Kolkata")),
    ("LGPD-3", "2026-11-19T10:00", "America/Sao_Paulo", at("2026-11-25T23:59:59", "America/Sao_Paulo")),
    ("PDPA-3", "2026-11-27T10:00", "Asia/Singapore", at("2026-11-30T23:59:59", "Asia/Singapore")),
    (
        "CA-1798.82",
        "2026-01-31T23:30",
        "America/Los_Angeles",
        at("2026-03-02T23:59:59", "America/Los_Angeles"),
    ),
    ("CRA-VF", "2026-10-01T10:00", "Europe/Brussels", at("2026-10-15T23:59:59", "Europe/Brussels")),
]


@pytest.mark.parametrize(("obligation", "start", "tz", "expected"), FIGURES)
def test_other_regimes_end_on_the_day_their_rule_says(
    obligation: str, start: str, tz: str, expected: datetime
) -> None:
    assert due(obligation, start, tz) == expected


def test_a_clock_is_due_at_the_last_instant_and_overdue_a_second_later() -> None:
    start = at("2026-11-24T02:31")
    facts = decided("GDPR-33", incident(start, record(1, "aware", start)))
    end = start + timedelta(hours=72)
    assert clock("GDPR-33", facts, start).state is State.RUNNING
    assert clock("GDPR-33", facts, end - timedelta(hours=19)).state is State.RUNNING
    assert clock("GDPR-33", facts, end - timedelta(hours=18)).state is State.DUE_SOON
    assert clock("GDPR-33", facts, end).state is State.DUE_SOON
    assert clock("GDPR-33", facts, end + timedelta(milliseconds=900)).state is State.DUE_SOON
    assert clock("GDPR-33", facts, end + timedelta(seconds=1)).state is State.OVERDUE


def test_a_submission_is_met_until_the_due_time_and_late_for_good_after_it() -> None:
    start = at("2026-11-24T02:31")
    facts = decided("GDPR-33", incident(start, record(1, "aware", start)))
    for sent, state in [(timedelta(hours=72), State.MET), (timedelta(hours=72, seconds=1), State.LATE)]:
        submitted = record(2, "submitted:GDPR-33", start + sent)
        whole = IncidentFacts(start, start, (*facts.records, submitted))
        assert clock("GDPR-33", whole, start + timedelta(days=90)).state is state


def test_an_undecided_clock_shows_when_it_would_be_due_from_the_earliest_fact() -> None:
    start = at("2026-11-24T02:31")
    undecided = clock("SEC-8K", incident(start))
    assert (undecided.state, undecided.missing) == (State.UNDECIDED, ("sec_material",))
    # in New York it is still Monday the 23rd; Thursday is Thanksgiving
    assert undecided.due_at == at("2026-11-30T17:30", "America/New_York")
    dora = clock("DORA-I", incident(start))
    assert (dora.state, dora.due_at) == (State.UNDECIDED, start + timedelta(hours=24))
    unknown = clock("SEC-8K", incident(start, record(1, "sec_material", None, Answer.UNKNOWN)))
    assert unknown.state is State.UNDECIDED


def test_a_no_ends_the_clock_and_what_depends_on_two_decisions_waits_for_the_first() -> None:
    start = at("2026-11-24T02:31")
    assert clock("GDPR-34", incident(start)).state is State.WAITING
    no = incident(start, record(1, "personal_data", None, Answer.NO))
    assert (clock("GDPR-34", no).state, clock("GDPR-34", no).excluded_by) == (
        State.NOT_APPLICABLE,
        "personal_data",
    )
    yes = incident(start, record(1, "personal_data", start))
    assert clock("GDPR-34", yes).missing == ("high_risk",)
    unlikely = incident(start, record(1, "personal_data", start), record(2, "risk_unlikely", start))
    assert clock("GDPR-33", unlikely).excluded_by == "risk_unlikely"


def test_a_phase_starts_with_the_submission_of_the_one_before() -> None:
    start = at("2026-11-24T02:31")
    facts = decided("DORA-I", incident(start, record(1, "aware", start)))
    assert clock("DORA-M", facts).missing == ("submitted:DORA-I",)
    first, second = start + timedelta(hours=3), start + timedelta(hours=30)
    facts = IncidentFacts(start, start, (*facts.records, record(950, "submitted:DORA-I", first)))
    assert clock("DORA-M", facts).due_at == first + timedelta(hours=72)
    facts = IncidentFacts(start, start, (*facts.records, record(951, "submitted:DORA-M", second)))
    assert clock("DORA-F", facts).due_at == at("2026-12-25T23:59:59", "Europe/Brussels")


def test_a_corrected_fact_keeps_the_earlier_due_time_visible() -> None:
    start = at("2026-11-24T02:31")
    later = start + timedelta(hours=5)
    facts = incident(
        start, record(1, "personal_data", start), record(2, "aware", start), record(3, "aware", later)
    )
    corrected = clock("GDPR-33", facts)
    assert corrected.due_at == later + timedelta(hours=72)
    assert corrected.earlier_due_at == start + timedelta(hours=72)


def test_a_stopped_clock_says_why_and_runs_again_when_the_stop_is_withdrawn() -> None:
    start = at("2026-11-24T02:31")
    facts = decided("HIPAA-IND", incident(start, record(1, "discovered", start)))
    stop = record(950, "stopped:HIPAA-IND", start)
    assert clock("HIPAA-IND", IncidentFacts(start, start, (*facts.records, stop))).state is State.STOPPED
    again = record(951, "stopped:HIPAA-IND", None, Answer.NO)
    assert (
        clock("HIPAA-IND", IncidentFacts(start, start, (*facts.records, stop, again))).state is State.RUNNING
    )


def test_a_regime_that_is_not_in_force_yet_does_not_apply() -> None:
    assert due("FCA-I", "2027-03-17T23:00", "Europe/London") is None
    assert due("CRA-EW", "2026-09-10T10:00", "Europe/Brussels") is None
    assert due("CRA-EW", "2026-09-11T00:00", "Europe/Brussels") is not None


def test_a_drill_never_starts_a_clock() -> None:
    start = at("2026-11-24T02:31")
    facts = incident(start, record(1, "personal_data", start), drill=True)
    assert rules.clocks(facts, ALL, DEFINITIONS, start) == []


def test_a_dismissed_incident_asks_nothing_and_keeps_what_a_person_decided() -> None:
    start = at("2026-11-24T02:31")
    facts = IncidentFacts(start, start, (record(1, "personal_data", start),), is_dismissed=True)
    assert clock("GDPR-33", facts).state is State.RUNNING
    assert clock("SEC-8K", facts).state is State.NOT_APPLICABLE


def test_the_zone_of_the_authority_decides_where_the_day_ends() -> None:
    applied, obligation = OBLIGATIONS["NIS2-FR"]
    helsinki = AppliedRegime(applied.regime, RegimeSettings(is_on=True, tz="Europe/Helsinki"))
    start = at("2026-01-31T12:00")
    facts = decided(obligation.id, incident(start, record(1, "submitted:NIS2-IN", start)))
    every = rules.clocks(facts, [helsinki], DEFINITIONS, start)
    finland = next(one for one in every if one.id == "NIS2-FR")
    assert finland.due_at == at("2026-02-28T23:59:59", "Europe/Helsinki")


def test_reminders_come_at_the_start_at_shares_an_hour_before_and_at_the_end() -> None:
    start = at("2026-11-24T02:00")
    facts = decided("GDPR-33", incident(start, record(1, "aware", start)))
    hours = [
        (name, (when - start) / timedelta(hours=1)) for name, when in rules.reminders(clock("GDPR-33", facts))
    ]
    assert hours == [("start", 0), ("50%", 36), ("75%", 54), ("90%", 64.8), ("hour", 71), ("due", 72)]
    undecided = rules.reminders(clock("GDPR-33", incident(start)))
    assert undecided == [("undecided", start + timedelta(hours=36))]
    assert rules.reminders(clock("GDPR-34", incident(start))) == []


def test_what_is_owed_comes_first_by_due_time_and_undecided_ones_after_it() -> None:
    start = at("2026-11-24T02:31")
    facts = incident(start, record(1, "personal_data", start), record(2, "dora_major", start))
    ordered = rules.by_urgency(rules.clocks(facts, ALL, DEFINITIONS, start))
    states = [one.state for one in ordered]
    assert states == sorted(
        states, key=[State.RUNNING, State.UNDECIDED, State.WAITING, State.NOT_APPLICABLE].index
    )
    running = [one.due_at for one in ordered if one.state is State.RUNNING and one.due_at]
    assert running == sorted(running)
    assert ordered[0].id == "DORA-I"


# properties

HOURS = st.integers(min_value=-24 * 200, max_value=24 * 200)
LAWFUL_EXCEPTION = {"DORA-I"}
"""A classification later than 24 hours after awareness has 4 hours of its own: the law is not monotone there."""


def _facts_of(obligation: str) -> list[str]:
    one = OBLIGATIONS[obligation][1]
    return sorted({limit.after for limit in one.limits} - {"detected", "declared"})


@given(data=st.data(), obligation=st.sampled_from(sorted(set(OBLIGATIONS) - LAWFUL_EXCEPTION)), hours=HOURS)
def test_a_fact_that_moves_earlier_never_moves_the_due_time_later(
    data: st.DataObject, obligation: str, hours: int
) -> None:
    base = at("2028-06-15T12:00") + timedelta(hours=hours)
    names = _facts_of(obligation)
    moved = data.draw(st.sampled_from(names))
    earlier_by = timedelta(minutes=data.draw(st.integers(1, 60 * 24 * 40)))
    dues: list[datetime] = []
    for shift in (timedelta(0), earlier_by):
        records = [
            record(i, name, base - (shift if name == moved else timedelta(0))) for i, name in enumerate(names)
        ]
        moved_clock = clock(obligation, decided(obligation, incident(base, *records)))
        assert moved_clock.due_at is not None
        dues.append(moved_clock.due_at)
    assert dues[1] <= dues[0]


@given(obligation=st.sampled_from(sorted(OBLIGATIONS)), hours=HOURS)
def test_a_clock_never_ends_before_it_starts_and_is_a_function_of_the_facts(
    obligation: str, hours: int
) -> None:
    base = at("2028-06-15T12:00") + timedelta(hours=hours)
    records: Sequence[FactRecord] = [record(i, name, base) for i, name in enumerate(_facts_of(obligation))]
    facts = decided(obligation, incident(base, *records))
    first, again = (clock(obligation, facts, base + timedelta(days=days)) for days in (0, 400))
    assert first.due_at == again.due_at
    assert first.start
    assert first.due_at
    assert first.due_at >= first.start.at
    assert first.due_at.tzinfo is not None
    assert again.state is State.OVERDUE


@given(hours=HOURS, extra=st.integers(0, 6))
def test_business_days_skip_weekends_whatever_the_day(hours: int, extra: int) -> None:
    start = at("2028-06-15T12:00") + timedelta(hours=hours, days=extra)
    facts = decided("SEC-8K", incident(start, record(1, "sec_material", start)))
    end = clock("SEC-8K", facts).due_at
    assert end
    local = end.astimezone(ZoneInfo("America/New_York"))
    assert local.weekday() < 5
    assert (local.hour, local.minute) == (17, 30)
    assert timedelta(days=3) < end - start < timedelta(days=10)


def test_every_limit_says_what_it_was_checked_against_and_no_regime_is_without_a_source() -> None:
    for regime in REGIMES.values():
        assert regime.source.startswith(("https://", "http://"))
        assert regime.review_by > regime.version
        assert regime.obligations
    assert [o.id for _, o in OBLIGATIONS.values() if not o.checked] == []


def test_every_fact_is_used_and_hours_are_never_counted_in_days() -> None:
    used = {
        f
        for _, o in OBLIGATIONS.values()
        for f in (*o.applies_if, *o.unless, *(one.after for one in o.limits))
    }
    own = {name for name, one in DEFINITIONS.items() if one.type is not FactType.INCIDENT}
    assert own <= used
    assert all(
        limit.at is None for _, o in OBLIGATIONS.values() for limit in o.limits if limit.unit is Unit.HOURS
    )
