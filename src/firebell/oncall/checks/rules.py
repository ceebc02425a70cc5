"""The rules that find problems of a schedule, each with a message and a fix (spec 1.4) (pure)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from firebell.kit import findings as process_checks
from firebell.kit.findings import FindingLevel, severest_first
from firebell.kit.intervals import Interval, minus, overlap
from firebell.kit.localtime import format_local, format_range, to_local
from firebell.oncall.model import Absence, Cover, Layer, Schedule, Shift, User
from firebell.oncall.rota.fairness import night_of
from firebell.oncall.rota.rotation import validity
from firebell.oncall.rota.shifts import between, intervals_by_user, intervals_on_call
from firebell.oncall.swaps.resulting_overrides import unrequested_intervals

CHECKS_HORIZON = timedelta(days=28)
WEEK = timedelta(days=7)
MAX_URGENT_PAGES_PER_NIGHT = 3
"""More distinct urgent pages than this in one night exceed the limit (spec 2.4)."""
REST_AFTER_BAD_NIGHT = timedelta(hours=11)
"""The rest due after such a night: the daily rest of Directive 2003/88/EC, article 3."""
MIN_PEOPLE_24_7, MIN_PEOPLE_PER_REGION = 4, 3
_MAX_ABSENCE_FINDINGS = 20
"""The earliest absences are reported, because they are the most urgent."""


@dataclass(frozen=True, slots=True)
class Fix:
    """The fix of a finding: a verb with its arguments, and the label of its button.

    leave, remove, offset, ask, take and seen need no choice; override, contact, edit and calendars link to a form.
    """

    verb: str
    label: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ScheduleFinding(process_checks.Finding):
    """One problem of a schedule on an interval; an error can leave a page without a responder."""

    start: datetime | None = None
    end: datetime | None = None
    users: tuple[User, ...] = ()
    fix: Fix | None = None
    policy: str = ""
    """For a gap: the first policy whose later levels do not cover it."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How a person can be reached: whether anything can wake them, and the number of independent ways."""

    wakes: bool
    ways: int


@dataclass(frozen=True, slots=True)
class PolicyLevel:
    """One level of a policy: its schedules, and whether it also has people or teams as targets."""

    schedules: tuple[Schedule, ...]
    people: bool


@dataclass(frozen=True, slots=True)
class PolicyChain:
    """A policy that notifies the schedule, level by level."""

    name: str
    levels: tuple[PolicyLevel, ...]


@dataclass(frozen=True, slots=True)
class UrgentCall:
    """A message of an urgent page to a person in time zone `tz`."""

    user: User
    page_id: int
    at: datetime
    tz: str


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """Facts besides the schedule; `covers` are open requests, `withdrawn_covers` are those whose shifts stay."""

    names: Mapping[User, str] = field(default_factory=dict)
    reach: Mapping[User, Reach] | None = None
    policies: tuple[PolicyChain, ...] = ()
    covers: tuple[Cover, ...] = ()
    withdrawn_covers: tuple[Cover, ...] = ()
    absences: tuple[Absence, ...] = ()
    urgent_calls: tuple[UrgentCall, ...] = ()

    def name(self, user: User) -> str:
        """Return the name of a user."""
        return self.names.get(user, f"person {user}")


def findings(schedule: Schedule, a: datetime, b: datetime, facts: CheckFacts) -> list[ScheduleFinding]:
    """Return the findings on `[a, b)`, errors first."""
    runs = between(schedule, a, b)
    all_findings = [
        *_gaps(schedule, runs, a, facts),
        *_inactive(schedule, a, b, facts),
        *_unreachable(runs, facts),
        *_vacations(schedule, runs, a, b, facts),
        *_doubles(schedule, runs, a, b, facts),
        *_no_rest(schedule, runs, a, facts),
        *_long(schedule, a, b, facts),
        *_frequent(schedule, runs, facts),
    ]
    return severest_first(all_findings)


def time_text(schedule: Schedule, start: datetime, end: datetime | None = None) -> str:
    """Return an instant or interval as text in the schedule's time zone, with the zone's name."""
    tz = schedule.tz
    return f"{format_range(start, end, tz) if end else format_local(start, tz)} {tz}"


def key(code: str, *parts: object) -> str:
    """Return the stable id of a finding: its code and its subject."""
    return ":".join((code, *(f"{p:%Y%m%dT%H%MZ}" if isinstance(p, datetime) else str(p) for p in parts)))


def _covered(schedule: Schedule, policy: PolicyChain, gap: Interval) -> bool:
    """Return True if other targets of the schedule's level, or later levels, cover the whole gap."""
    last = max(i for i, level in enumerate(policy.levels) if _holds(level, schedule))
    uncovered = [gap]
    for level in policy.levels[last:]:
        if level.people:
            return True
        for other in level.schedules:
            if other.id != schedule.id:
                shifts = between(other, *gap)
                uncovered = minus(uncovered, [(shift.start, shift.end) for shift in shifts if shift.users])
    return not uncovered


def _holds(level: PolicyLevel, schedule: Schedule) -> bool:
    return schedule.id in [other.id for other in level.schedules]


def _gaps(
    schedule: Schedule, runs: Sequence[Shift], a: datetime, facts: CheckFacts
) -> Iterator[ScheduleFinding]:
    concerned = [
        policy for policy in facts.policies if any(_holds(level, schedule) for level in policy.levels)
    ]
    gaps = [Interval(run.start, run.end) for run in runs if not run.users]
    uncovered_by = [[p.name for p in concerned if not _covered(schedule, p, gap)] for gap in gaps]
    for (start, end), policies in sorted(zip(gaps, uncovered_by, strict=True), key=lambda pair: not pair[1]):
        policy = policies[0] if policies else ""
        yield ScheduleFinding(
            id=key("S-GAP", start if start > a else "now"),
            code="S-GAP",
            level=FindingLevel.ERROR if policy else FindingLevel.WARNING,
            message=gap_message(f"from {time_text(schedule, start, end)}", policy),
            start=start,
            end=end,
            fix=Fix("override", "Create override", {"start": start, "end": end}),
            policy=policy,
        )


def gap_message(when: str, policy: str) -> str:
    """Return the message of a gap; `policy` is the first one that does not cover it, or empty."""
    uncovered = f" No later level of {policy} covers it." if policy else ""
    return f"No one is on call {when}.{uncovered}"


def _layers(schedule: Schedule, a: datetime, b: datetime) -> list[Layer]:
    """Return the layers that apply within `[a, b)`."""
    return [x for x in schedule.layers if validity(x)[0] < b and (x.end is None or x.end > a)]


def _members(layers: Sequence[Layer]) -> set[User]:
    """Return the people in layers, active or not."""
    return {user for layer in layers for slot in layer.slots for user in slot}


def _inactive(schedule: Schedule, a: datetime, b: datetime, facts: CheckFacts) -> Iterator[ScheduleFinding]:
    turns = _members(_layers(schedule, a, b))
    edits = [e for e in schedule.overrides if e.start < b and e.end > a and e.kind != "remove"]
    named = turns | {u for e in edits for u in (*e.users, *e.mapping.values())}
    for user in sorted(named & schedule.inactive, key=str):
        reason = "is still in the rotation" if user in turns else "is still put on call by an override"
        yield ScheduleFinding(
            id=key("S-INACTIVE", user),
            code="S-INACTIVE",
            level=FindingLevel.ERROR,
            message=f"{facts.name(user)} left but {reason}. That time falls to lower layers, or to no one.",
            users=(user,),
            fix=Fix("leave", f"Remove {facts.name(user)}", {"person": user})
            if user in turns
            else Fix(
                "remove",
                "Remove override",
                {"edits": [e.id for e in edits if user in (*e.users, *e.mapping.values())]},
            ),
        )


def _unreachable(runs: Sequence[Shift], facts: CheckFacts) -> Iterator[ScheduleFinding]:
    first: dict[User, Shift] = {}
    for run in runs:
        for user in run.users:
            first.setdefault(user, run)
    for user, run in first.items():
        reach = facts.reach.get(user, Reach(wakes=False, ways=0)) if facts.reach is not None else None
        if reach is None or (reach.wakes and reach.ways > 1):
            continue
        problem = (
            "can be reached in only one way"
            if reach.wakes
            else "has no verified contact method that can wake them"
        )
        yield ScheduleFinding(
            id=key("S-UNREACHABLE", user),
            code="S-UNREACHABLE",
            level=FindingLevel.WARNING if reach.wakes else FindingLevel.ERROR,
            message=f"{facts.name(user)} {problem}.",
            start=run.start,
            end=run.end,
            users=(user,),
            fix=Fix("contact", "View contact methods", {"person": user}),
        )


def _vacations(
    schedule: Schedule, runs: Sequence[Shift], a: datetime, b: datetime, facts: CheckFacts
) -> Iterator[ScheduleFinding]:
    """Yield S-VACATION for people who are on call in their time off, with or without an open cover request."""
    on_duty = {user for run in runs for user in run.users}
    conflicts: list[tuple[Interval, User, Fix]] = []
    for cover in facts.covers:
        inside = overlap((cover.start, cover.end), (a, b))
        applies = cover.schedule_id == schedule.id and cover.vacation_id
        if applies and inside and intervals_on_call(schedule, cover.requester, *inside):
            fix = Fix("take", "Take shift", {"cover": cover.id})
            conflicts.append((Interval(cover.start, cover.end), cover.requester, fix))
    for absence in facts.absences:
        if absence.person_id in on_duty and absence.start < b and absence.end > a:
            for interval in unrequested_intervals(
                schedule, absence, (*facts.covers, *facts.withdrawn_covers), a, b
            ):
                person_id = absence.person_id
                ask = Fix("ask", "Request cover", {"person": person_id, **interval._asdict()})
                conflicts.append((interval, person_id, ask))
    for (start, end), user, fix in sorted(conflicts, key=lambda x: x[0])[:_MAX_ABSENCE_FINDINGS]:
        yield ScheduleFinding(
            id=key("S-VACATION", user, start if start > a else "now"),
            code="S-VACATION",
            level=FindingLevel.WARNING,
            message=f"{facts.name(user)} has time off {time_text(schedule, start, end)} but is still on call.",
            start=start,
            end=end,
            users=(user,),
            fix=fix,
        )


def _doubles(
    schedule: Schedule, runs: Sequence[Shift], a: datetime, b: datetime, facts: CheckFacts
) -> Iterator[ScheduleFinding]:
    others: dict[int, tuple[Schedule, bool]] = {}
    for policy in facts.policies:
        own_levels = [i for i, level in enumerate(policy.levels) if _holds(level, schedule)]
        for i, level in enumerate(policy.levels):
            for other in level.schedules:
                if own_levels and other.id != schedule.id:
                    adjacent = any(abs(i - own) == 1 for own in own_levels)
                    others[other.id] = (other, adjacent or others.get(other.id, (other, False))[1])
    for other, adjacent in others.values():
        overlaps = list(_overlaps(runs, between(other, a, b)))
        same = [overlap for overlap in overlaps if adjacent and overlap[3]]
        double = [overlap for overlap in overlaps if overlap not in same]
        for code, of_code in (("S-SAME", same), ("S-DOUBLE", double)):
            if of_code:
                yield _double(schedule, other, code, of_code, facts)


def _overlaps(
    own_shifts: Sequence[Shift], other_shifts: Sequence[Shift]
) -> Iterator[tuple[datetime, datetime, tuple[User, ...], bool]]:
    """Yield (start, end, users in both, whether both have the same users) of overlapping shifts."""
    first = 0
    for own in own_shifts:
        while other_shifts[first].end <= own.start:
            first += 1
        index = first
        while index < len(other_shifts) and other_shifts[index].start < own.end:
            other = other_shifts[index]
            if shared := tuple(u for u in own.users if u in other.users):
                start, end = max(own.start, other.start), min(own.end, other.end)
                yield start, end, shared, set(own.users) == set(other.users)
            index += 1


def _double(
    schedule: Schedule,
    other: Schedule,
    code: str,
    overlaps: Sequence[tuple[datetime, datetime, tuple[User, ...], bool]],
    facts: CheckFacts,
) -> ScheduleFinding:
    start, end, users, *_ = overlaps[0]
    names = " and ".join(facts.name(u) for u in users)
    verb = "is" if len(users) == 1 else "are"
    times = f" (the first of {len(overlaps)} times)" if len(overlaps) > 1 else ""
    people = "person" if len(users) == 1 else "people"
    result = f"escalating to the next level pages the same {people}" if code == "S-SAME" else "both page them"
    return ScheduleFinding(
        id=key(code, schedule.id, other.id),
        code=code,
        level=FindingLevel.WARNING,
        message=f"{names} {verb} on call for {schedule.name} and {other.name} from {time_text(schedule, start)}{times},"
        f" so {result}.",
        start=start,
        end=end,
        users=users,
        fix=_shift_of(schedule, other)
        or Fix("ask", "Request cover", {"person": users[0], "start": start, "end": end}),
    )


def _shift_of(schedule: Schedule, other: Schedule) -> Fix | None:
    """Return the fix that shifts the schedule one person behind the other, if both have the same rotation."""
    if len(schedule.layers) != 1 or len(other.layers) != 1:
        return None
    own, reference = schedule.layers[0], other.layers[0]
    rotation = (own.anchor, own.unit, own.every, own.tz, own.slots)
    if rotation != (reference.anchor, reference.unit, reference.every, reference.tz, reference.slots):
        return None
    if len(set(own.slots)) < 2 or (own.offset - reference.offset) % len(own.slots):
        return None
    offset = (reference.offset + 1) % len(own.slots)
    return Fix("offset", f"Start one person after {other.name}", {"layer": own.id, "offset": offset})


def people_due_rest(calls: Sequence[UrgentCall], now: datetime) -> dict[User, tuple[datetime, int, datetime]]:
    """Return (last page, pages in one night, end of rest) of each user who is due rest at `now`.

    A page counts once a night; nights are 22:00 to 07:00 in the person's own time zone.
    """
    nights: dict[tuple[User, date], list[UrgentCall]] = defaultdict(list)
    for call in calls:
        if night := night_of(call.at, call.tz):
            nights[call.user, night].append(call)
    resting = {}
    for (user, _), night_calls in nights.items():
        count, last = len({c.page_id for c in night_calls}), max(c.at for c in night_calls)
        if count > MAX_URGENT_PAGES_PER_NIGHT and last + REST_AFTER_BAD_NIGHT > now:
            resting[user] = (last, count, last + REST_AFTER_BAD_NIGHT)
    return resting


def _no_rest(
    schedule: Schedule, runs: Sequence[Shift], a: datetime, facts: CheckFacts
) -> Iterator[ScheduleFinding]:
    for user, (last, count, until) in people_due_rest(facts.urgent_calls, a).items():
        on_duty = [(r.start, min(r.end, until)) for r in runs if user in r.users and r.start < until]
        if not on_duty:
            continue
        start, end = on_duty[0]
        requests = [c for c in facts.covers if c.schedule_id == schedule.id and c.requester == user]
        request = next((c for c in requests if c.start < end and start < c.end), None)
        fix = Fix("ask", "Request cover", {"person": user, "start": start, "end": end})
        yield ScheduleFinding(
            id=key("S-NOREST", user, last),
            code="S-NOREST",
            level=FindingLevel.WARNING,
            message=f"{facts.name(user)} got {count} pages in one night, the last at {time_text(schedule, last)},"
            f" and is on call before {time_text(schedule, until)}, after less than 11 hours of rest.",
            start=start,
            end=end,
            users=(user,),
            fix=Fix("take", "Take shift", {"cover": request.id}) if request else fix,
        )


def _long(schedule: Schedule, a: datetime, b: datetime, facts: CheckFacts) -> Iterator[ScheduleFinding]:
    by_user = intervals_by_user(schedule, a - WEEK, b)
    long = [
        (interval, user)
        for user, intervals in by_user.items()
        for interval in intervals
        if interval.end > a and _is_long(interval, schedule.tz)
    ]
    first = {user: interval for interval, user in sorted(long, reverse=True)}
    for user, interval in sorted(first.items(), key=lambda pair: pair[1].end):
        yield _too_long(schedule, user, *interval, facts)


def _is_long(interval: Interval, tz: str) -> bool:
    """Return True if more than a week passes on a clock of the time zone."""
    return to_local(interval.end, tz) - to_local(interval.start, tz) > WEEK


def _too_long(
    schedule: Schedule, user: User, start: datetime, end: datetime, facts: CheckFacts
) -> ScheduleFinding:
    days = (end - start) / timedelta(days=1)
    return ScheduleFinding(
        id=key("S-LONG", user),
        code="S-LONG",
        level=FindingLevel.WARNING,
        message=f"{facts.name(user)} is on call for {days:.0f} days or more without a break,"
        f" from {time_text(schedule, start)}.",
        start=start,
        end=end,
        users=(user,),
        fix=Fix("ask", "Request cover", {"person": user, "start": start + WEEK, "end": end}),
    )


def _frequent(schedule: Schedule, runs: Sequence[Shift], facts: CheckFacts) -> Iterator[ScheduleFinding]:
    edit = Fix("edit", "Add people", {})
    whole = runs[-1].end - runs[0].start
    share: dict[User, timedelta] = defaultdict(timedelta)
    for run in runs:
        for user in run.users:
            share[user] += run.end - run.start
    gaps = sum((r.end - r.start for r in runs if not r.users), timedelta())
    layers = _layers(schedule, runs[0].start, runs[-1].end)
    if all(x.windows for x in layers) and (regions := _regions(layers)):
        for name, members in regions.items():
            people = members - schedule.inactive
            if len(people) < MIN_PEOPLE_PER_REGION:
                yield _few(key("S-FREQ", name), name, people, MIN_PEOPLE_PER_REGION, edit)
        return
    people = set(share) | (_members(layers) - schedule.inactive)
    if gaps >= whole / 20:
        return
    if len(people) < MIN_PEOPLE_24_7:
        yield _few(key("S-FREQ", "people"), "The 24/7 rotation", people, MIN_PEOPLE_24_7, edit)
    elif whole >= CHECKS_HORIZON:
        for user, hours in share.items():
            if hours > whole * 0.3:
                yield ScheduleFinding(
                    id=key("S-FREQ", user),
                    code="S-FREQ",
                    level=FindingLevel.WARNING,
                    message=f"{facts.name(user)} is on call {hours / whole:.0%} of the time."
                    " Aim for at most one week in four.",
                    start=runs[0].start,
                    end=runs[-1].end,
                    users=(user,),
                    fix=edit,
                )


def _regions(layers: Sequence[Layer]) -> dict[str, set[User]]:
    """Return the people of each follow-the-sun region: one per time zone, or per layer if there is one zone.

    Empty if there is only one region, or someone is in two.
    """
    zones = {layer.tz for layer in layers}
    regions: dict[str, set[User]] = {}
    for number, layer in enumerate(layers, 1):
        region = [x for x in layers if x.tz == layer.tz] if len(zones) > 1 else [layer]
        name = region[0].name or (layer.tz if len(zones) > 1 else f"Layer {number}")
        regions[name] = _members(region)
    disjoint = len(set().union(*regions.values())) == sum(map(len, regions.values()))
    return regions if len(regions) > 1 and disjoint else {}


def _few(key: str, what: str, people: set[User], enough: int, fix: Fix) -> ScheduleFinding:
    count = f"{len(people)} {'person' if len(people) == 1 else 'people'}"
    text = f"{what} has {count}. Aim for at least {enough} per rotation."
    return ScheduleFinding(
        id=key,
        code="S-FREQ",
        level=FindingLevel.WARNING,
        message=text,
        start=None,
        end=None,
        users=tuple(sorted(people, key=str)),
        fix=fix,
    )
