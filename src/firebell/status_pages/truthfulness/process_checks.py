"""The truthfulness checks: where status pages say less, later or other things than is known (spec 7.16; pure).

Levels are for SEV0 and SEV1; at SEV2 and SEV3 they are one lower.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.incidents.model import CAUSE_KNOWN, UNDECLARED, Phase, TimelineEntry
from firebell.kit.findings import (
    Evidence,
    FindingLevel,
    FixButton,
    ProcessFinding,
    length_text,
    severest_first,
)
from firebell.kit.intervals import Interval
from firebell.kit.stated_numbers import largest_by_unit, stated_numbers
from firebell.kit.text import plural
from firebell.status_pages import derived_status, impact, stages
from firebell.status_pages.model import (
    ComponentStatus,
    Impact,
    PageVisibility,
    PublicIncident,
    PublicUpdate,
    Stage,
    UpdateKind,
    Weights,
)
from firebell.status_pages.truthfulness import record as truthfulness
from firebell.status_pages.truthfulness.record import PageRecord, TruthRecord
from firebell.status_pages.uptime.daily import seconds_by_status

Results = Iterator[ProcessFinding]

FOLLOWED_WITHIN = timedelta(minutes=15)
LATE_FACTOR = 2
"""A fact that is not followed after so many times the limit is an error."""
PROMISE_GRACE = 0.25
"""The share of a promise by which the next update may be late."""
MOVES_AT_MOST = 1
"""How often an estimate may be moved later."""
CLOSED_FOR = timedelta(minutes=30)
MONITORED_FOR = timedelta(hours=24)
REWRITTEN_WITHIN = timedelta(days=30)
STATUS_RULE = "I-STATUS"
"""The rule of incidents that T-FIRST and T-RESOLVED-FIRING are."""
LEAST_IMPACT = {0: Impact.CRITICAL, 1: Impact.MINOR}
"""The least impact that a published incident of each severity shows."""
_LOWER = {FindingLevel.ERROR: FindingLevel.WARNING, FindingLevel.WARNING: FindingLevel.INFO}


def findings(record: TruthRecord, now: datetime) -> list[ProcessFinding]:
    """Return where status pages do not say what is known about an incident, errors first."""
    incident = record.incident
    is_public = not (incident.drill or incident.backfilled) and incident.phase not in UNDECLARED
    if not is_public or not record.pages or incident.phase in (Phase.DISMISSED, Phase.MERGED):
        return []
    return severest_first(_results(record, now))


def _results(record: TruthRecord, now: datetime) -> Results:
    yield from _first_post(record, now)
    yield from _missing(record)
    for page in record.pages:
        yield from _green(record, page, now)
        if page.published:
            lags = [*_raises(record, page, page.published, now)]
            yield from lags
            yield from _lags(record, page, page.published, now)
            yield from _promises(record, page, page.published, now)
            yield from _estimates(record, page, page.published, now)
            yield from _resolved_while_firing(record, page, page.published, now)
            yield from _left_open(record, page, page.published, now)
            if not lags:
                yield from _severity(record, page, page.published, now)
            yield from _numbers(record, page, page.published)
            yield from _rewritten(record, page, page.published, now)
            if page.is_current and page.published.is_open:
                yield from _late_mirrors(record, page, page.published, now)


def _finding(
    record: TruthRecord,
    code: str,
    level: FindingLevel,
    message: str,
    advice: str,
    *causes: TimelineEntry | PublicUpdate,
    at: datetime,
    key: str = "",
    fix: FixButton | None = None,
    extra: Sequence[Evidence] = (),
) -> ProcessFinding:
    """Return a finding at the severity of an instant; its id, of code, first evidence and key, stays the same."""
    evidence = (*record.evidence(*causes), *extra)
    return ProcessFinding(
        ":".join(filter(None, (code, evidence[0].id.removeprefix("e-"), key))),
        code,
        level if record.severity_at(at) <= 1 else _LOWER.get(level, level),
        message,
        subject=record.incident.ref,
        advice=advice,
        evidence=evidence,
        fix=fix,
        part_of=STATUS_RULE if code in ("T-FIRST", "T-RESOLVED-FIRING") else "",
    )


def _publish(record: TruthRecord, page: PageRecord, label: str = "Publish update") -> FixButton:
    """Return the button that opens the form of the next update on a status page."""
    own = f"/status-pages/{page.page.slug}/incidents"
    if page.published:
        return FixButton(label, page=f"{own}/{page.published.public_id}")
    return FixButton(label, page=f"{own}/new?incident={record.incident.ref}")


def _first_post(record: TruthRecord, now: datetime) -> Results:
    incident = record.incident
    due = _first_due(record)
    if due is None or (incident.closed_at is not None and incident.closed_at <= due):
        return
    published = [page.published.published_at for page in record.pages if page.published]
    first = min(published, default=None)
    if (first or now) <= due:
        return
    within = stages.FIRST_POST_WITHIN[min(record.severity_at(due), 1)]
    text = (
        f"First public update {length_text(first - incident.declared_at)} after the declaration"
        if first
        else f"Nothing published {length_text(now - incident.declared_at)} after the declaration"
    )
    yield _finding(
        record,
        "T-FIRST",
        FindingLevel.ERROR,
        text,
        f"The first update is due within {length_text(within)}: say that you are investigating.",
        at=due,
        fix=None if first else _publish(record, record.pages[0]),
    )


def _first_due(record: TruthRecord) -> datetime | None:
    changes = [(entry.effective_at, int(entry.data["to"])) for entry in record.severity_changes]
    return stages.first_post_due(
        record.incident.declared_at,
        changes,
        record.declared_severity,
        customers_impacted=record.incident.answers.get("customers_impacted"),
    )


def _green(record: TruthRecord, page: PageRecord, now: datetime) -> Results:
    """Yield that a component was shown as operational while customers were impacted, once something was published."""
    due, end = _first_due(record), record.impact_end or now
    begun = min((other.published.published_at for other in record.pages if other.published), default=None)
    if not page.is_current or due is None or begun is None or max(due, begun) >= end:
        return
    start = max(due, begun)
    every = [*page.others, *([page.published] if page.published else [])]
    instants = {start, *(u.display_at for one in every for u in one.updates if start < u.display_at < end)}
    green: dict[int, datetime] = {}
    last: set[int] = set()
    for at in sorted(instants):
        if record.severity_at(at) > 1:
            continue
        statuses = truthfulness.shown_statuses(page, at)
        last = {each for each, status in statuses.items() if status is ComponentStatus.OPERATIONAL}
        for each in last:
            green.setdefault(each, at)
    if not green:
        return
    names = ", ".join(page.components[each] for each in sorted(green))
    is_now = bool(last) and record.is_active
    yield _finding(
        record,
        "T-GREEN",
        FindingLevel.ERROR,
        f"{page.page.name} {'shows' if is_now else 'showed'} {names} as operational during the incident",
        "Say what is affected, or remove the service from the incident.",
        at=min(green.values()),
        key=page.page.slug,
        fix=_publish(record, page) if is_now else None,
    )


def _missing(record: TruthRecord) -> Results:
    for name in record.unmapped:
        yield _finding(
            record,
            "T-MISSING",
            FindingLevel.INFO,
            f"{name} is behind no component of a status page",
            "Add it to a component if customers know it by a name.",
            at=record.incident.declared_at,
            key=name,
        )


def _lags(record: TruthRecord, page: PageRecord, published: PublicIncident, now: datetime) -> Results:
    """Yield known facts that the stage did not follow in time: the cause, and the end of the impact."""
    cause = next((e for e in record.timeline if e.key_moment == CAUSE_KNOWN), None)
    over = truthfulness.monitoring_since(record.timeline)
    facts = [(cause, Stage.IDENTIFIED, "the cause was known", record.impact_end)] if cause else []
    if over:
        facts.append((over[0], Stage.MONITORING, "the impact was over", over[1]))
    for entry, stage, known, ends_at in facts:
        assert entry
        since = max(entry.at, published.published_at)
        reached = truthfulness.stage_reached_at(published, stage, since)
        followed = min(filter(None, (reached, ends_at or published.resolved_at, now)))
        waited = Interval(since, followed)
        yield from _lag(record, page, published, entry, known, f"the stage {stage}", waited, now)


def _raises(record: TruthRecord, page: PageRecord, published: PublicIncident, now: datetime) -> Results:
    """Yield raises of the severity that the impact did not follow in time."""
    for entry in record.severity_changes:
        to, before = int(entry.data["to"]), int(entry.data.get("from", 3))
        if to >= before or to not in LEAST_IMPACT:
            continue
        since = max(entry.at, published.published_at)
        reached = truthfulness.impact_reached_at(published, LEAST_IMPACT[to], since)
        lowered = (e.effective_at for e in record.severity_changes if e.effective_at > entry.effective_at)
        ends_at = next(lowered, None) or record.impact_end or published.resolved_at
        followed = min(filter(None, (reached, ends_at, now)))
        waited = Interval(since, followed)
        yield from _lag(record, page, published, entry, f"it was a SEV{to}", "its impact", waited, now)


def _lag(
    record: TruthRecord,
    page: PageRecord,
    published: PublicIncident,
    entry: TimelineEntry,
    known: str,
    shown: str,
    waited: Interval,
    now: datetime,
) -> Results:
    lag = waited.end - waited.start
    if lag <= FOLLOWED_WITHIN:
        return
    is_open = waited.end >= now
    yield _finding(
        record,
        "T-LAG",
        FindingLevel.ERROR if lag > LATE_FACTOR * FOLLOWED_WITHIN else FindingLevel.WARNING,
        f"{page.page.name} {'has not followed' if is_open else 'followed'} {length_text(lag)} after {known}",
        f"Publish {shown} within {length_text(FOLLOWED_WITHIN)}.",
        entry,
        at=entry.effective_at,
        key=page.page.slug if page.is_first else f"{page.page.slug}:{published.public_id}",
        fix=_publish(record, page) if is_open else None,
    )


def _promises(record: TruthRecord, page: PageRecord, published: PublicIncident, now: datetime) -> Results:
    for update, came in truthfulness.promises(published, now):
        assert update.next_update_at
        grace = PROMISE_GRACE * (update.next_update_at - update.display_at)
        if came <= update.next_update_at + grace:
            continue
        is_open = published.updates[-1] is update and published.is_open
        yield _finding(
            record,
            "T-LATE",
            FindingLevel.ERROR,
            f"The update promised on {page.page.name} "
            f"{'is' if is_open else 'was'} {length_text(came - update.next_update_at)} late",
            "Publish an update at the promised time, also if nothing has changed.",
            update,
            at=update.next_update_at,
            key=f"{page.page.slug}:{update.seq}",
            fix=_publish(record, page) if is_open else None,
        )


def _estimates(record: TruthRecord, page: PageRecord, published: PublicIncident, now: datetime) -> Results:
    """Yield an estimate that passed without a word, and the second time that one was moved later."""
    moves, before = 0, None
    progress = truthfulness.progress(published)
    for update, after in zip(progress, [*progress[1:], None], strict=True):
        if update.eta_at is None:
            continue
        moves += before is not None and update.eta_at > before
        is_moved_again = moves == MOVES_AT_MOST + 1 and before is not None and update.eta_at > before
        before = update.eta_at
        came = after.display_at if after else now
        if came > update.eta_at:
            is_open = after is None and published.is_open
            text = f"The estimate on {page.page.name} passed without an update"
        elif is_moved_again:
            is_open, text = False, f"The estimate on {page.page.name} was moved later {moves} times"
        else:
            continue
        yield _finding(
            record,
            "T-ETA",
            FindingLevel.WARNING,
            text,
            "Publish when you now expect it to be over, or that you don’t know.",
            update,
            at=update.eta_at,
            key=f"{page.page.slug}:{update.seq}",
            fix=_publish(record, page) if is_open else None,
        )


def _resolved_while_firing(
    record: TruthRecord, page: PageRecord, published: PublicIncident, now: datetime
) -> Results:
    if published.resolved_at is None or not (page.firing or page.open_report):
        return
    extra = []
    if page.firing:
        extra.append(Evidence(page.firing.page_ref, page.firing.title))
    if page.open_report:
        extra.append(Evidence("report", page.open_report[:200]))
    what = "an alert fired" if page.firing else "a customer report was open"
    yield _finding(
        record,
        "T-RESOLVED-FIRING",
        FindingLevel.ERROR,
        f"{page.page.name} said resolved while {what}",
        "Mark a regression, or show that the alert or report is about something else.",
        published.updates[-1],
        at=published.resolved_at,
        key=page.page.slug,
        fix=_publish(record, page, "Mark regression")
        if now - published.resolved_at <= stages.REOPENS_WITHIN
        else None,
        extra=extra,
    )


def _left_open(record: TruthRecord, page: PageRecord, published: PublicIncident, now: datetime) -> Results:
    ended, closed_at = published.resolved_at or now, record.incident.closed_at
    monitored = published.monitoring_at if published.stage is Stage.MONITORING else None
    if closed_at is not None and ended - closed_at > CLOSED_FOR:
        text = f"{page.page.name} showed it as open {length_text(ended - closed_at)} after it was closed"
    elif published.is_open and monitored and now - monitored > MONITORED_FOR:
        text = f"{page.page.name} shows it as monitoring for more than {length_text(MONITORED_FOR)}"
    else:
        return
    yield _finding(
        record,
        "T-OPEN",
        FindingLevel.WARNING,
        text,
        "Publish that it is resolved, or what is still wrong.",
        published.updates[-1],
        at=ended,
        key=page.page.slug,
        fix=_publish(record, page) if published.is_open else None,
    )


def _severity(record: TruthRecord, page: PageRecord, published: PublicIncident, now: datetime) -> Results:
    """Yield that the shown impact is less than the severity, or less than what the components say."""
    shown = impact.impact(published)
    severity = record.incident.severity
    derived = max(
        (impact.IMPACT_OF[effect.status] for update in published.updates for effect in update.effects),
        default=Impact.NONE,
    )
    if shown < LEAST_IMPACT.get(severity, Impact.NONE):
        text = f"{page.page.name} shows a SEV{severity} with the impact {shown.code}"
    elif published.impact_override is not None and published.impact_override < derived:
        text = f"{page.page.name} shows the impact {shown.code}, and its components say {derived.code}"
    else:
        return
    yield _finding(
        record,
        "T-SEVERITY",
        FindingLevel.WARNING,
        text,
        "Publish which components are affected, and how badly.",
        published.updates[0],
        at=now,
        key=page.page.slug,
        fix=_publish(record, page) if published.is_open else None,
    )


def _numbers(record: TruthRecord, page: PageRecord, published: PublicIncident) -> Results:
    """Yield numbers that grew from one update to a later one without a correction."""
    known: dict[str, tuple[float, PublicUpdate]] = {}
    for update in published.updates:
        for unit, number in largest_by_unit(stated_numbers(update.body)).items():
            before = known.get(unit)
            if before and number.value > before[0] and update.kind is not UpdateKind.CORRECTION:
                yield _finding(
                    record,
                    "T-NUMBERS",
                    FindingLevel.WARNING,
                    f"{page.page.name} stated a higher number of {unit} without a correction: {number.phrase}",
                    "Publish a correction that names the earlier number.",
                    update,
                    before[1],
                    at=update.display_at,
                    key=f"{page.page.slug}:{update.seq}:{unit}",
                    fix=_publish(record, page, "Publish correction"),
                )
            known[unit] = (number.value, update)


def _late_mirrors(record: TruthRecord, page: PageRecord, published: PublicIncident, now: datetime) -> Results:
    """Yield mirrors whose readers do not see the latest update, because nothing was pushed there for minutes."""
    if page.page.visibility is PageVisibility.PRIVATE:
        # nothing is pushed anymore
        return
    for mirror in page.mirrors:
        if not mirror.is_late(now):
            continue
        age = length_text(now - (mirror.pushed_at or mirror.created_at))
        yield _finding(
            record,
            "T-PUSH",
            FindingLevel.ERROR,
            f"The mirror {mirror.url} of {page.page.name} has not been updated for {age}",
            mirror.error or "Check that a worker is running.",
            published.updates[-1],
            at=now,
            key=f"{page.page.slug}:{mirror.id}",
            fix=FixButton("Show mirrors", page=f"/status-pages/{page.page.slug}/hosting"),
        )


def _rewritten(record: TruthRecord, page: PageRecord, published: PublicIncident, now: datetime) -> Results:
    """Yield corrections of the last days that made the past look better."""
    for position, update in enumerate(published.updates):
        if update.kind is not UpdateKind.CORRECTION or now - update.display_at > REWRITTEN_WITHIN:
            continue
        before, after = (
            _downtime(replace(published, updates=published.updates[:end]), update, page.page.weights)
            for end in (position, position + 1)
        )
        if after < before:
            yield _finding(
                record,
                "T-REWRITE",
                FindingLevel.INFO,
                f"A correction on {page.page.name} took {plural((before - after) // 6000, 'minute')} "
                "off the downtime",
                "Keep the evidence for it: readers see that it was corrected.",
                update,
                at=update.display_at,
                key=f"{page.page.slug}:{update.seq}",
            )


def _downtime(published: PublicIncident, correction: PublicUpdate, weights: Weights) -> int:
    """Return the weighted downtime of the corrected components until the correction, in hundredths of seconds."""
    total, end = 0, correction.display_at
    for component_id in {effect.component_id for effect in correction.effects}:
        history = derived_status.steps(published, component_id)
        start = min((at for at, _ in history), default=end)
        spans = derived_status.spans([published], component_id, start, end)
        seconds = seconds_by_status(spans, start, end)
        total += 100 * seconds[ComponentStatus.MAJOR_OUTAGE]
        total += weights.partial * seconds[ComponentStatus.PARTIAL_OUTAGE]
        total += weights.degraded * seconds[ComponentStatus.DEGRADED_PERFORMANCE]
    return total
