"""The facts and figures of the 15 incidents and 13 pages of the specification (11.18)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.action_items.model import ItemState
from firebell.incidents.model import Incident, IncidentRole, Phase, TimelineEntry
from firebell.metrics import process_checks, windows
from firebell.metrics.facts import rules as facts
from firebell.metrics.facts.rules import Call, IncidentSource, PageLogRow, PageSource, RoleHeld
from firebell.metrics.model import Exclusion, Vote
from firebell.metrics.presentation import summaries
from firebell.metrics.statistics.kaplan_meier import steps
from tests.rules.test_action_items import item


def moved(when: datetime, before: str, after: str) -> TimelineEntry:
    """Return the entry about a change of phase."""
    return TimelineEntry(1, when, when, "phase", "Mara", 1, "", {"from": before, "to": after})


def at(text: str, day: int = 15) -> datetime:
    """Return a time of a day of October 2026."""
    hour, minute = text.split(":")
    return datetime(2026, 10, day, int(hour), int(minute), tzinfo=UTC)


def entry(kind: str, when: datetime, actor_id: int | None = 1, **data: Any) -> TimelineEntry:
    return TimelineEntry(1, when, when, kind, "Mara", actor_id, "", data)


def incident(**changes: Any) -> Incident:
    """Return INC-4, which was SEV1 from the start and reopened once."""
    values: dict[str, Any] = {
        "id": 4,
        "title": "Search is slow",
        "summary": "",
        "conditions": "",
        "actions": "",
        "needs": "",
        "severity": 1,
        "max_severity": 1,
        "answers": {},
        "provisional": False,
        "phase": Phase.CLOSED,
        "drill": False,
        "impact_start": at("09:00"),
        "detected_at": at("09:04"),
        "declared_at": at("09:20"),
        "mitigated_at": None,
        "impact_end": at("12:10"),
        "resolved_at": at("12:10"),
        "stable_since": None,
        "closed_at": at("12:45"),
        "last_update_at": None,
        "update_due_at": None,
        "severity_at": at("09:20"),
        "reopen_count": 1,
        "declared_by": 1,
        "version": 1,
    }
    return Incident(**{**values, **changes})


def source(one: Incident, *entries: TimelineEntry, roles: tuple[RoleHeld, ...] = ()) -> IncidentSource:
    declared = entry("declared", one.declared_at, severity=1)
    return IncidentSource(one, [declared, *entries], roles, ["latent.guard", "latent.guard"], None)


@pytest.mark.parametrize(
    ("published_at", "is_withdrawn", "required"),
    [(None, False, True), (None, True, False), (at("15:00"), True, True), (at("15:00"), False, True)],
)
def test_a_withdrawn_post_mortem_is_neither_overdue_nor_unpublished(
    published_at: datetime | None, is_withdrawn: bool, required: bool
) -> None:
    withdrawn = replace(
        source(incident()), postmortem_published_at=published_at, is_postmortem_withdrawn=is_withdrawn
    )
    fact = facts.incident_fact(withdrawn)
    assert (fact.postmortem_required, fact.postmortem_published_at) == (required, published_at)


UPDATES = [entry("update", at(text)) for text in ("09:48", "10:15", "10:52", "11:20", "12:05")]


def test_the_fact_of_an_incident() -> None:
    commander = RoleHeld(IncidentRole.COMMANDER, 1, at("09:25"), None)
    fact = facts.incident_fact(source(incident(), *UPDATES, roles=(commander,)))
    assert (fact.detect_s, fact.engage_s, fact.mitigate_s, fact.resolve_s) == (240, 300, 11160, 11160)
    assert (fact.updates_due, fact.updates_on_time) == (5, 3)
    assert (fact.factors, fact.reopens, fact.excluded) == (("latent.guard",), 1, None)
    assert fact.postmortem_required


@pytest.mark.parametrize(
    ("changes", "excluded"),
    [
        ({"drill": True}, Exclusion.DRILL),
        ({"phase": Phase.DISMISSED, "closed_at": None}, Exclusion.DISMISSED),
        ({"phase": Phase.MERGED}, Exclusion.MERGED),
    ],
)
def test_what_counts_in_no_metric(changes: dict[str, Any], excluded: Exclusion) -> None:
    fact = facts.incident_fact(source(incident(**changes)))
    assert fact.excluded is excluded
    assert fact.closed_at is not None


def test_times_that_contradict_each_other_stay_visible() -> None:
    one = incident(impact_start=at("15:10"), detected_at=at("15:00"), resolved_at=None, impact_end=None)
    fact = facts.incident_fact(source(one))
    assert (fact.detect_s, fact.mitigate_s, fact.resolve_s, fact.engage_s) == (-600, None, None, None)


def test_the_minutes_of_people() -> None:
    one = incident(declared_at=at("14:09"), closed_at=at("15:20"))
    roles = (
        RoleHeld(IncidentRole.COMMANDER, 1, at("14:05"), None),
        # two roles at once are one presence
        RoleHeld(IncidentRole.SME, 2, at("14:11"), None),
        RoleHeld(IncidentRole.SCRIBE, 2, at("14:30"), at("15:00")),
        RoleHeld(IncidentRole.COMMS, 3, at("14:12"), at("15:20")),
    )
    written = (
        entry("note", at("14:20"), 4),
        entry("finding", at("14:50"), 4),
        entry("note", at("14:21"), None),
    )
    presence = facts.presence_minutes(source(one, *written, roles=roles))
    assert presence == {1: 75, 2: 69, 3: 68, 4: 35}
    assert sum(presence.values()) / 60 * 90 == pytest.approx(370.50)
    # no one is present after it was closed
    late = source(one, entry("note", at("15:18"), 5), entry("note", at("15:19"), 5))
    assert facts.presence_minutes(late)[5] == 2


def test_no_one_is_present_and_no_update_is_due_while_an_incident_is_closed() -> None:
    one = incident(declared_at=at("09:20"), resolved_at=at("14:50"), closed_at=at("15:20"))
    roles = (RoleHeld(IncidentRole.COMMANDER, 1, at("09:20"), None),)
    phases = (
        moved(at("10:00"), "investigating", "monitoring"),
        moved(at("10:30"), "monitoring", "closed"),
        moved(at("14:20"), "closed", "investigating"),
        moved(at("14:50"), "investigating", "monitoring"),
        moved(at("15:20"), "monitoring", "closed"),
    )
    written = (entry("note", at("10:10"), 2), entry("note", at("14:30"), 2))
    updates = (entry("update", at("09:45")), entry("update", at("10:10")), entry("update", at("14:45")))
    fact = facts.incident_fact(source(one, *phases, *written, *updates, roles=roles))
    assert facts.presence_minutes(source(one, *phases, *written, roles=roles)) == {1: 70 + 60, 2: 20 + 15}
    assert (fact.updates_due, fact.updates_on_time) == (1, 1)


def test_no_update_is_missed_between_the_ends_of_two_incidents_that_were_merged() -> None:
    one = incident(phase=Phase.MONITORING, resolved_at=at("11:00"), closed_at=None)
    resolved = moved(at("10:00"), "investigating", "monitoring")
    merged = entry("merged", at("11:05"), incident="INC-5")
    fact = facts.incident_fact(source(one, entry("update", at("09:45")), resolved, merged))
    assert (fact.updates_due, fact.updates_on_time) == (1, 1)


def page(day: int, text: str, ended: str | None, **changes: Any) -> PageSource:
    """Return a page of Mara at level 1; `ended` by its source."""
    triggered, resolved = at(text, day), at(ended, day) if ended else None
    log = [PageLogRow(triggered, "triggered", None, None), PageLogRow(triggered, "level", None, 0)]
    if resolved:
        log.append(PageLogRow(resolved, "resolved", None, None))
    values: dict[str, Any] = {
        "id": 1,
        "team_id": 1,
        "service_id": 1,
        "rule": "CheckoutErrors",
        "urgency": "high",
        "severity": None,
        "triggered_at": triggered,
        "resolved_at": resolved,
        "log": log,
        "calls": [Call(1, "UTC", triggered)],
        "votes": (),
        "severities": (),
        "drills": (),
    }
    return PageSource(**{**values, **changes})


def acked(one: PageSource, seconds: int, kind: str = "acked", actor_id: int | None = 1) -> PageSource:
    row = PageLogRow(one.triggered_at + timedelta(seconds=seconds), kind, actor_id, None)
    return replace(one, log=sorted([*one.log, row], key=lambda each: each.at))


def test_a_page_that_ended_by_itself_is_noise() -> None:
    quiet = facts.page_fact(acked(page(9, "03:00", "03:03"), 30))
    assert (quiet.ack_s, quiet.censored_s, quiet.is_noise) == (30, None, True)
    never = page(9, "04:40", "04:43")
    never = replace(never, log=[*never.log, PageLogRow(never.triggered_at, "exhausted", None, None)])
    fact = facts.page_fact(never)
    assert (fact.ack_s, fact.censored_s, fact.is_noise, fact.is_exhausted) == (None, 180, True, True)


@pytest.mark.parametrize(
    ("changes", "is_noise"),
    [
        ({"votes": (True,)}, False),
        ({"votes": (False, True)}, False),
        ({"votes": (False, False, True)}, True),
        ({"severities": (2,)}, False),
        ({"resolved_at": None}, False),
        ({"resolved_at": at("03:06", 9)}, False),
        ({"resolved_at": at("03:05", 9)}, True),
    ],
)
def test_when_a_page_is_noise(changes: dict[str, Any], is_noise: bool) -> None:
    assert facts.page_fact(page(9, "03:00", "03:03", **changes)).is_noise is is_noise


@pytest.mark.parametrize("kind", sorted(facts.HUMAN_LOG_KINDS | {"resolved"}))
def test_a_page_on_which_someone_acted_is_no_noise(kind: str) -> None:
    assert not facts.page_fact(acked(page(9, "03:00", "03:03"), 60, kind)).is_noise


def test_only_people_acknowledge() -> None:
    by_tool = facts.page_fact(acked(page(9, "03:00", "03:20"), 10, actor_id=None))
    assert (by_tool.ack_s, by_tool.censored_s) == (None, 1200)
    waiting = facts.page_fact(page(9, "03:00", None))
    assert (waiting.ack_s, waiting.censored_s) == (None, None)


def test_the_night_is_where_the_person_is() -> None:
    calls = [Call(1, "Europe/Stockholm", at("21:30", 20)), Call(2, "America/New_York", at("21:31", 20))]
    fact = facts.page_fact(page(20, "21:30", None, calls=calls))
    # 23:30 in Stockholm, Tuesday; 17:31 in New York
    assert (fact.night, fact.woken, fact.hour) == (date(2026, 10, 20), (1,), 24 + 23)
    assert facts.page_fact(page(20, "12:00", None)).night is None


def test_a_page_is_as_severe_as_its_incident() -> None:
    fact = facts.page_fact(page(2, "14:03", None, severities=(2, 1), severity=2, drills=(False, True)))
    assert (fact.severity, fact.excluded) == (1, None)
    assert facts.page_fact(page(2, "14:03", None, drills=(True,))).excluded is Exclusion.DRILL


def test_figures_of_the_specification() -> None:
    resolve = [2400, 2640, 3000, 3600, 3600, 4980, 6360, 11160, 16200, 100200]
    figure = summaries.summary(steps(resolve), 3600, is_censored=False)
    assert (figure.n, figure.median, figure.p75, figure.mean) == (10, 4290, 9960, 15414)
    assert (figure.interval, figure.sample, figure.result) == ((2640, 16200), "few", "missed")
    severe = summaries.summary(steps([2400, 2640, 3600, 11160]), 3600, is_censored=False)
    assert (severe.median, severe.p75, severe.share, severe.result) == (3120, 5490, 0.75, "too_few")
    acknowledged = summaries.summary(steps([125, 700, 300, 200], [2400]), 300, is_censored=True)
    assert (acknowledged.unfinished, acknowledged.p90, acknowledged.result) == (1, None, "met")
    mitigate = summaries.summary(
        steps([2400, 2580, 3000, 3000, 3300, 4680, 6240, 11160, 12600]), None, is_censored=False
    )
    assert (mitigate.median, mitigate.p75, mitigate.mean, mitigate.result) == (3300, 6240, 5440, "none")
    nothing = summaries.summary([], 300, is_censored=True)
    assert (nothing.sample, nothing.median, nothing.share, nothing.result) == ("none", None, None, "none")


MONTH_S = 31 * 86_400


@pytest.mark.parametrize(
    ("impact_s", "failures", "seconds", "bound", "result"),
    [
        (10140, 3, 889_420, 889_420, "too_few"),
        (11400, 1, 2_667_000, 2_667_000, "met"),
        (8100, 2, 1_335_150, 1_335_150, "too_few"),
        (0, 0, MONTH_S, MONTH_S // 3, "met"),
        (MONTH_S + 1, 5, 0, 0, "missed"),
    ],
)
def test_time_between_failures(impact_s: int, failures: int, seconds: int, bound: int, result: str) -> None:
    figure = summaries.between_failures(MONTH_S, impact_s, failures)
    assert (figure.seconds, figure.lower_bound_s, figure.result) == (seconds, bound, result)


@given(st.integers(1, 400), st.integers(0, 12), st.floats(0, 1))
def test_a_quiet_day_never_shortens_the_time_between_failures(days: int, failures: int, share: float) -> None:
    """M5: the period grows by a day without impact and failure, and nothing that is shown gets worse."""
    impact_s = int(days * 86_400 * share) if failures else 0
    before = summaries.between_failures(days * 86_400, impact_s, failures)
    after = summaries.between_failures((days + 1) * 86_400, impact_s, failures)
    assert after.seconds >= before.seconds
    assert after.lower_bound_s >= before.lower_bound_s
    ranks = {"missed": 0, "too_few": 1, "met": 2}
    assert ranks[after.result] >= ranks[before.result]


def test_a_change_needs_more_than_chance() -> None:
    few = summaries.change(steps([1, 2, 3, 4]), steps(range(50)), 1, is_censored=False)
    assert few.result == "too_few"
    now, before = [2640, 4980, 11160, 2400, 3600], [1800, 2100, 2460, 3000, 5400]
    same = summaries.change(steps(now), steps(before), 1, is_censored=False)
    assert (same.result, same.is_shorter) == ("none", False)
    assert same.comparison
    assert same.comparison.difference == 1140
    large = summaries.change(steps(range(100, 300)), steps(range(1000, 1200)), 1, is_censored=False)
    assert (large.result, large.comparison, large.is_shorter) == ("change", None, True)
    assert summaries.change(steps(range(200)), steps(range(200)), 1, is_censored=False).result == "none"


def test_pages_that_no_one_acknowledges_are_never_called_faster() -> None:
    answered = steps([200, 210, 220, 230, 240, 250, 260, 270, 280, 290])
    waiting = steps([300], range(5000, 5009))
    slower = summaries.change(waiting, answered, 1, is_censored=True)
    assert (slower.result, slower.is_shorter) == ("change", False)
    assert summaries.change(answered, waiting, 1, is_censored=True).is_shorter
    # most ended early unacknowledged, and acknowledging the others took as long as before
    unanswered = steps([250, 255, 260], [20, 25, 30, 35, 40, 45, 50])
    same = summaries.change(unanswered, answered, 1, is_censored=True)
    assert (same.result, same.comparison is not None and same.comparison.is_change) == ("none", True)


@pytest.mark.parametrize(
    ("period", "now", "start", "end", "before"),
    [
        ("quarter", "2026-11-25T15:20", "2026-10-01T00:00", "2027-01-01T00:00", "2026-07-01T00:00"),
        ("90d", "2026-11-25T15:20", "2026-08-28T00:00", "2026-11-26T00:00", "2026-05-30T00:00"),
        # clocks go back on 25 October: 23:00 UTC is midnight in Stockholm before, 22:00 after
        ("7d", "2026-10-28T12:00", "2026-10-21T22:00", "2026-10-28T23:00", "2026-10-14T22:00"),
    ],
)
def test_periods(period: str, now: str, start: str, end: str, before: str) -> None:
    zone = "Europe/Stockholm" if period == "7d" else "UTC"
    window = windows.preset(period, datetime.fromisoformat(now).replace(tzinfo=UTC), zone)
    expected = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end, before)]
    assert [window.start, window.end, window.before_start] == expected


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 2, 2), date(2026, 2, 1)),
        (date(1999, 1, 1), date(1999, 2, 1)),
        (date(2001, 1, 1), date(2026, 1, 1)),
    ],
)
def test_periods_that_are_none(first: date, last: date) -> None:
    with pytest.raises(Exception, match="period") as refused:
        windows.between(first, last, "UTC")
    assert refused.value.fields  # type: ignore[attr-defined]


votes = st.lists(st.booleans(), max_size=7)


@given(votes)
def test_a_tie_is_actionable(given_votes: list[bool]) -> None:
    vote = facts.majority(given_votes)
    against = len(given_votes) - sum(given_votes)
    assert (vote is Vote.NOT_ACTIONABLE) == (against > sum(given_votes))
    assert (vote is None) == (not given_votes)


@pytest.mark.parametrize(
    ("days", "states", "is_found"),
    [
        (30, [ItemState.OPEN], True),
        (30, [ItemState.DONE, ItemState.IN_PROGRESS], True),
        (31, [ItemState.OPEN], False),
        (1, [ItemState.DONE, ItemState.DROPPED], False),
        (1, [], False),
    ],
)
def test_a_repeat_within_30_days_with_open_actions_is_an_error(
    days: int, states: list[ItemState], is_found: bool
) -> None:
    items = [item(number, state=state) for number, state in enumerate(states, 1)]
    later = incident(id=9, declared_at=at("09:20") + timedelta(days=days))
    results = process_checks.findings(later, incident(), items)
    assert [(each.id, each.level) for each in results] == (
        [("INC-9:P-REPEAT:4", "error")] if is_found else []
    )
