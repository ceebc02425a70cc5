"""The truthfulness checks of status pages: what they find, with evidence, and what they leave alone (spec 7.16)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.incidents.model import Phase, TimelineEntry
from firebell.kit.findings import FindingLevel, ProcessFinding
from firebell.kit.stated_numbers import stated_numbers
from firebell.status_pages.hosting import doctor_checks
from firebell.status_pages.hosting.model import PageMirror
from firebell.status_pages.model import (
    ComponentStatus,
    Effect,
    Impact,
    PageVisibility,
    PublicIncident,
    PublicUpdate,
    Stage,
    StatusPage,
    UpdateKind,
)
from firebell.status_pages.truthfulness.process_checks import findings
from firebell.status_pages.truthfulness.record import FiringAlert, PageRecord, TruthRecord
from tests.rules.test_incidents_lifecycle import incident

START = datetime(2026, 11, 24, 2, 31, tzinfo=UTC)
OK, PARTIAL, MAJOR = (
    ComponentStatus.OPERATIONAL,
    ComponentStatus.PARTIAL_OUTAGE,
    ComponentStatus.MAJOR_OUTAGE,
)
ERROR, WARNING, INFO = FindingLevel
PAGE = StatusPage(1, "kestrel", "Kestrel", "UTC", "", "", PageVisibility.PUBLIC, 30, 0, START, START)
CHECKOUT = 7


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def entry(number: int, minute: float, kind: str, key_moment: str = "", **data: Any) -> TimelineEntry:
    return TimelineEntry(number, at(minute), at(minute), kind, "Mara", 1, "…", data, key_moment)


def severity_change(number: int, minute: float, before: int, to: int) -> TimelineEntry:
    return replace(entry(number, minute, "severity"), data={"from": before, "to": to})


def update(
    seq: int,
    minute: float,
    stage: Stage,
    *effects: tuple[ComponentStatus, float],
    promise: float | None = 30,
    body: str = "We are on it.",
    kind: UpdateKind = UpdateKind.UPDATE,
    eta: float | None = None,
) -> PublicUpdate:
    return PublicUpdate(
        seq,
        f"u{seq}",
        seq,
        stage,
        kind,
        body,
        tuple(Effect(CHECKOUT, status, at(since)) for status, since in effects),
        at(minute),
        None if promise is None else at(minute + promise),
        at(minute),
        "Mara",
        eta_at=None if eta is None else at(eta),
    )


def public(*updates: PublicUpdate, **more: Any) -> PublicIncident:
    last = updates[-1]
    monitoring = next((u.display_at for u in updates if u.stage is Stage.MONITORING), None)
    values: dict[str, Any] = {
        "resolved_at": last.display_at if last.stage is Stage.RESOLVED else None,
        "monitoring_at": monitoring,
        "published_at": updates[0].display_at,
    }
    values |= more
    return PublicIncident(
        1, "abc", 214, "Checkout fails", None, values["published_at"], values["monitoring_at"],
        values["resolved_at"], 0, updates,
    )  # fmt: skip


UPDATES = (
    update(1, 12, Stage.INVESTIGATING, (PARTIAL, -2), body="About 900 customers cannot pay."),
    update(2, 35, Stage.IDENTIFIED, body="We found the cause; about 900 customers cannot pay."),
    update(3, 64, Stage.MONITORING, (OK, 55), promise=60),
    update(4, 120, Stage.RESOLVED, promise=None),
)
TIMELINE = (
    entry(1, 0, "declared", severity=1),
    entry(2, 2, "phase", **{"from": Phase.DECLARED, "to": Phase.INVESTIGATING}),
    entry(3, 30, "finding", "Cause identified"),
    entry(4, 58, "phase", **{"from": Phase.MITIGATING, "to": Phase.MONITORING}),
    entry(5, 100, "phase", **{"from": Phase.MONITORING, "to": Phase.CLOSED}),
)
TEXTBOOK = TruthRecord(
    incident(
        severity=1, phase=Phase.CLOSED, detected_at=at(-3), declared_at=at(0), impact_end=at(55),
        resolved_at=at(58), closed_at=at(100),
    ),
    TIMELINE,
    (PageRecord(PAGE, {CHECKOUT: "Checkout"}, public(*UPDATES)),),
)  # fmt: skip
END = at(200)


def with_updates(*updates: PublicUpdate, **more: Any) -> TruthRecord:
    published = public(*updates, **more) if updates else None
    return replace(TEXTBOOK, pages=(replace(TEXTBOOK.pages[0], published=published),))


def with_page(**more: Any) -> TruthRecord:
    return replace(TEXTBOOK, pages=(replace(TEXTBOOK.pages[0], **more),))


def active(record: TruthRecord, minutes: float, **more: Any) -> TruthRecord:
    """Return the record as it was while people worked on it."""
    facts: dict[str, Any] = {"phase": Phase.INVESTIGATING, "impact_end": None, "resolved_at": None}
    facts |= {"closed_at": None, **more}
    timeline = tuple(e for e in record.timeline if e.at <= at(minutes))
    return replace(record, incident=replace(record.incident, **facts), timeline=timeline)


def codes(record: TruthRecord, now: datetime = END) -> list[str]:
    return [finding.code for finding in findings(record, now)]


def only(record: TruthRecord, now: datetime = END) -> ProcessFinding:
    (finding,) = findings(record, now)
    return finding


def test_a_textbook_incident_has_no_finding_and_neither_has_one_that_is_not_published() -> None:
    assert findings(TEXTBOOK, END) == []
    nothing = with_updates()
    for more in ({"drill": True}, {"backfilled": True}, {"phase": Phase.DISMISSED}, {"phase": Phase.MERGED}):
        assert findings(replace(nothing, incident=replace(nothing.incident, **more)), END) == []
    assert findings(replace(nothing, pages=()), END) == []


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ((), ["T-FIRST"]),
        ((UPDATES[0], UPDATES[2], UPDATES[3]), ["T-LATE", "T-LAG"]),
        ((UPDATES[0], UPDATES[1], UPDATES[3]), ["T-LATE", "T-LAG"]),
        (UPDATES[:3], ["T-LATE", "T-OPEN"]),
    ],
)
def test_l4_deleting_an_update_adds_its_findings(
    updates: tuple[PublicUpdate, ...], expected: list[str]
) -> None:
    listed = findings(with_updates(*updates), END)
    assert sorted(f.code for f in listed) == sorted(expected)
    assert all(f.evidence for f in listed)


def test_the_first_update_is_late_after_its_limit_and_stays_late() -> None:
    early = active(with_updates(), 30)
    assert findings(early, at(30)) == []
    late = only(early, at(31))
    assert (late.code, late.level, late.part_of) == ("T-FIRST", ERROR, "I-STATUS")
    assert late.fix
    assert late.fix.page == "/status-pages/kestrel/incidents/new?incident=INC-214"
    afterward = only(
        with_updates(replace(UPDATES[0], display_at=at(40), next_update_at=at(70)), *UPDATES[2:])
    )
    assert (afterward.code, afterward.id, afterward.fix) == ("T-FIRST", late.id, None)
    unaffected = replace(early, incident=replace(early.incident, answers={"customers_impacted": False}))
    assert findings(unaffected, at(60)) == []
    worst = replace(unaffected, timeline=(entry(1, 0, "declared", severity=0),))
    assert codes(worst, at(16)) == ["T-FIRST"]


def test_an_incident_that_was_closed_before_its_first_update_was_due_needs_none() -> None:
    brief = with_updates()
    assert findings(replace(brief, incident=replace(brief.incident, closed_at=at(29))), END) == []


def test_a_component_that_looks_fine_during_the_incident_is_an_error_on_each_page() -> None:
    silent = with_updates(replace(UPDATES[0], effects=()), *UPDATES[1:])
    assert sorted(codes(silent)) == ["T-GREEN", "T-SEVERITY"]
    during = active(with_updates(replace(UPDATES[0], effects=())), 35)
    green = next(f for f in findings(during, at(35)) if f.code == "T-GREEN")
    assert green.level is ERROR
    assert green.fix
    second = replace(PAGE, id=2, slug="other", name="Other")
    both = replace(TEXTBOOK, pages=(*TEXTBOOK.pages, PageRecord(second, {9: "Search"})))
    assert only(both).id.endswith("other")
    shown_elsewhere = replace(UPDATES[0], effects=(Effect(9, MAJOR, at(-2)),))
    elsewhere = PageRecord(second, {9: "Search"}, None, [public(shown_elsewhere)])
    assert findings(replace(TEXTBOOK, pages=(*TEXTBOOK.pages, elsewhere)), END) == []


def test_a_mirror_that_is_not_updated_is_an_error_while_the_page_shows_the_incident() -> None:
    mirror = PageMirror(
        *(7, PAGE.id, "https://m.example", "https://s3.example", "eu", "kestrel", "", "KEY", at(-60)),
        pushed_at=at(30),
        failures=2,
        error="The bucket answered 403 (AccessDenied) to index.html.",
    )
    during = active(with_updates(UPDATES[0]), 31)
    [page] = during.pages
    mirrored = replace(during, pages=[replace(page, mirrors=[mirror])])

    def at_minute(record: TruthRecord, minute: float) -> list[ProcessFinding]:
        return [each for each in findings(record, at(minute)) if each.code == "T-PUSH"]

    assert at_minute(mirrored, 35) == []
    [late] = at_minute(mirrored, 36)
    assert (late.level, late.advice, late.id.endswith("kestrel:7")) == (ERROR, mirror.error, True)
    new = replace(mirrored, pages=[replace(page, mirrors=[replace(mirror, pushed_at=None)])])
    assert len(at_minute(new, 31)) == 1
    over = replace(TEXTBOOK, pages=[replace(each, mirrors=[mirror]) for each in TEXTBOOK.pages])
    assert at_minute(over, 600) == []
    private = replace(PAGE, visibility=PageVisibility.PRIVATE)
    hidden = replace(mirrored, pages=[replace(each, page=private) for each in mirrored.pages])
    assert at_minute(hidden, 36) == []
    levels = [doctor_checks.check_mirror(mirror, PAGE, at(minute)).level for minute in (31, 36)]
    assert (levels, doctor_checks.check_mirror(mirror, private, at(31)).level) == (["ok", "warn"], "warn")


@pytest.mark.parametrize(("minute", "level"), [(45, None), (45.1, WARNING), (60, WARNING), (60.1, ERROR)])
def test_the_stage_follows_a_known_cause_within_15_minutes(minute: float, level: FindingLevel | None) -> None:
    first = replace(UPDATES[0], next_update_at=at(100))
    during = active(with_updates(first), 31)
    assert [f.level for f in findings(during, at(minute))] == ([level] if level else [])
    identified = replace(UPDATES[1], display_at=at(minute), next_update_at=at(95))
    followed = active(with_updates(first, identified), 31)
    assert [f.level for f in findings(followed, at(90))] == ([level] if level else [])


def test_a_raise_is_followed_by_the_impact() -> None:
    raised = severity_change(9, 40, 1, 0)
    timeline = (*TIMELINE[:3], raised)
    record = active(replace(with_updates(*UPDATES[:2]), timeline=timeline), 60, severity=0, max_severity=0)
    assert codes(record, at(54)) == ["T-SEVERITY"]
    assert [(f.code, f.level) for f in findings(record, at(56))] == [("T-LAG", WARNING)]
    critical = update(3, 50, Stage.IDENTIFIED, (MAJOR, 40))
    followed = active(replace(with_updates(*UPDATES[:2], critical), timeline=timeline), 60, severity=0)
    assert findings(followed, at(75)) == []


def test_a_promise_may_be_a_quarter_late() -> None:
    during = active(with_updates(*UPDATES[:1]), 25)
    assert findings(during, at(12 + 37.5)) == []
    assert [(f.code, f.level) for f in findings(during, at(50))] == [("T-LATE", ERROR)]
    minor = replace(
        during, incident=replace(during.incident, severity=2), timeline=(entry(1, 0, "declared", severity=2),)
    )
    assert [(f.code, f.level) for f in findings(minor, at(50))] == [("T-LATE", WARNING)]


@pytest.mark.parametrize(
    ("etas", "now", "codes"),
    [
        ((), 90, []),
        ((40,), 40, []),
        ((40,), 41, ["T-ETA"]),
        ((40, None), 90, []),
        ((20, None), 90, ["T-ETA"]),
        ((90, 120), 90, []),
        ((90, 80), 80, []),
        ((70, 80, 90), 80, ["T-ETA"]),
        ((70, 80, 75, 90), 90, ["T-ETA"]),
        ((20, 100), 101, ["T-ETA", "T-ETA"]),
    ],
)
def test_an_estimate_is_kept_or_corrected_before_it_passes(
    etas: tuple[float | None, ...], now: float, codes: list[str]
) -> None:
    """An update comes every 15 minutes from minute 12 on."""
    updates = [
        update(i + 1, 12 + 15 * i, Stage.INVESTIGATING, (PARTIAL, 0), promise=300, eta=eta)
        for i, eta in enumerate(etas or (None,))
    ]
    during = active(with_updates(*updates), now)
    assert [f.code for f in findings(during, at(now)) if f.code == "T-ETA"] == codes


def test_resolved_beside_a_firing_alert_or_an_open_report_is_an_error() -> None:
    for more in ({"firing": FiringAlert("5xx above 5%", "PG-7")}, {"open_report": "Still cannot pay"}):
        finding = only(with_page(**more))
        assert (finding.code, finding.level, finding.part_of) == ("T-RESOLVED-FIRING", ERROR, "I-STATUS")
        assert finding.fix
        assert only(with_page(**more), END + timedelta(days=2)).fix is None


def test_a_public_incident_is_not_left_open() -> None:
    left = with_updates(*UPDATES[:3])
    assert "T-OPEN" not in codes(left, at(130))
    assert "T-OPEN" in codes(left, at(131))
    monitored = active(with_updates(*UPDATES[:3]), 100, phase=Phase.MONITORING)
    assert "T-OPEN" not in codes(monitored, at(64 + 24 * 60))
    assert "T-OPEN" in codes(monitored, at(65 + 24 * 60))


def test_the_impact_is_not_less_than_the_severity_or_the_components() -> None:
    overridden = replace(public(*UPDATES), impact_override=Impact.MINOR)
    assert only(with_page(published=overridden)).code == "T-SEVERITY"
    worst = replace(TEXTBOOK, incident=replace(TEXTBOOK.incident, severity=0))
    assert [(f.code, f.level) for f in findings(worst, END)] == [("T-SEVERITY", WARNING)]


def test_a_service_behind_no_component_is_noted() -> None:
    finding = only(replace(TEXTBOOK, unmapped=("Ledger",)))
    assert (finding.code, finding.level) == ("T-MISSING", INFO)


def test_a_number_that_grows_needs_a_correction() -> None:
    grown = replace(UPDATES[1], body="About 4,900 customers cannot pay.")
    finding = only(with_updates(UPDATES[0], grown, *UPDATES[2:]))
    assert (finding.code, finding.level) == ("T-NUMBERS", WARNING)
    assert len(finding.evidence) == 2
    corrected = replace(grown, kind=UpdateKind.CORRECTION, stage=Stage.INVESTIGATING)
    assert "T-NUMBERS" not in codes(with_updates(UPDATES[0], corrected, *UPDATES[2:]))


def test_a_correction_that_shortens_the_outage_is_listed_for_30_days() -> None:
    shorter = update(
        5, 150, Stage.RESOLVED, (PARTIAL, 20), (OK, 55), promise=None, kind=UpdateKind.CORRECTION
    )
    better = with_updates(*UPDATES, shorter, resolved_at=at(120))
    assert [(f.code, f.level) for f in findings(better, END)] == [("T-REWRITE", INFO)]
    assert findings(better, at(150) + timedelta(days=30, seconds=1)) == []
    longer = replace(shorter, effects=(Effect(CHECKOUT, MAJOR, at(-2)), Effect(CHECKOUT, OK, at(55))))
    assert findings(with_updates(*UPDATES, longer, resolved_at=at(120)), END) == []


LASTING = ("T-FIRST", "T-GREEN", "T-LATE", "T-LAG")


@given(
    st.lists(st.sampled_from(range(4)), unique=True).map(sorted),
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_l1_what_was_late_stays_late_and_nothing_is_without_evidence(
    kept: list[int], first: int, later: int
) -> None:
    record = with_updates(*(UPDATES[i] for i in kept))
    before = findings(record, at(min(first, later)))
    after = {finding.id for finding in findings(record, at(max(first, later)))}
    if record.pages[0].published and record.pages[0].published.updates[-1].display_at > at(min(first, later)):
        return  # updates that had not been published yet
    assert {finding.id for finding in before if finding.code in LASTING} <= after
    assert all(finding.evidence and finding.subject == "INC-214" for finding in before)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("About 900 customers cannot pay since 14:50 UTC.", [(900, "customers")]),
        ("4,900 card payments failed on 2026-11-24.", [(4900, "payments")]),
        ("18% of card payments fail; 1 in 4 checkouts.", [(18, "%"), (25, "%")]),
        ("10-20 customers, 2.5 percent of users", [(2.5, "%"), (20, "customers")]),
        ("We restart 3 servers in 20 minutes.", []),
        ("", []),
    ],
)
def test_numbers_with_a_known_unit_are_read(text: str, numbers: list[tuple[float, str]]) -> None:
    assert [(n.value, n.unit) for n in stated_numbers(text)] == numbers


@given(st.text(max_size=300))
def test_any_text_can_be_read_for_numbers(text: str) -> None:
    assert all(number.value >= 0 and number.unit for number in stated_numbers(text))


def test_what_a_page_published_again_is_checked_beside_what_it_published_before() -> None:
    """The first update counts once, a late one stays late, and no two findings have one id."""
    late = (UPDATES[0], *UPDATES[2:])
    assert codes(with_updates(*late)) == ["T-LATE", "T-LAG"]
    again = public(
        replace(update(1, 1700, Stage.INVESTIGATING, (PARTIAL, 1690)), id=11, public_id="v1"),
        replace(update(2, 1760, Stage.RESOLVED, promise=None), id=12, public_id="v2"),
    )
    again = replace(again, id=2, public_id="def")
    first, page = public(*late), TEXTBOOK.pages[0]
    records = (
        replace(page, published=first, others=[again], is_current=False),
        replace(page, published=again, others=[first], is_first=False),
    )
    results = findings(replace(TEXTBOOK, pages=records), at(2000))
    assert [each.code for each in results if each.code == "T-FIRST"] == []
    assert {"T-LATE", "T-LAG"} <= {each.code for each in results}
    assert len({each.id for each in results}) == len(results)
    assert max(sum(each.code == code for each in results) for code in ("T-GREEN", "T-FIRST")) <= 1
