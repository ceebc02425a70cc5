"""What is wrong with a schedule, with evidence and the fix (spec 1.4); pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from firebell.kit.localtime import format_local, format_range, to_local
from firebell.oncall.model import Absence, Cover, Layer, Schedule, Shift, User
from firebell.oncall.rota.fairness import night_of
from firebell.oncall.rota.rotation import validity
from firebell.oncall.rota.shifts import between
from firebell.oncall.swaps.exchange import Stretch, minus, own_stretches, unasked

HORIZON = timedelta(days=28)
WEEK = timedelta(days=7)
NIGHT_LIMIT = 3
"""More distinct urgent pages than this in a night are over the limit (spec 2.4)."""
REST = timedelta(hours=11)
"""The rest that somebody has after such a night: the daily rest of Directive 2003/88/EC, article 3."""
ENOUGH, ENOUGH_A_REGION = 4, 3
_FEW = 20
"""At most so many absences; the first ones are the urgent ones."""


class Level(StrEnum):
    """How bad it is: an error can leave a page without a human."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fix:
    """What a button does: the arguments of its `verb`.

    leave, remove, offset, ask, take and seen need no choice; override, contact, edit and calendars lead to a form.
    """

    verb: str
    label: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault; `id` stays the same from day to day while the fault is the same."""

    id: str
    code: str
    level: Level
    message: str
    start: datetime | None
    end: datetime | None
    users: tuple[User, ...]
    fix: Fix | None
    policy: str = ""
    """Of a gap: the first policy of which nobody answers then."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How somebody can be reached: by something that wakes, and in how many independent ways."""

    wakes: bool
    ways: int


@dataclass(frozen=True, slots=True)
class Step:
    """One level of a policy: its schedules, and whether people or teams stand beside them."""

    schedules: tuple[Schedule, ...]
    people: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """A policy that notifies the schedule, level by level."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A message of an urgent page that reached somebody who lives in `tz`."""

    user: User
    page_id: int
    at: datetime
    tz: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the schedule itself does not know; `covers` are open, `kept` were withdrawn by who keeps the shift."""

    names: Mapping[User, str] = field(default_factory=dict)
    reach: Mapping[User, Reach] | None = None
    chains: tuple[Chain, ...] = ()
    covers: tuple[Cover, ...] = ()
    kept: tuple[Cover, ...] = ()
    vacations: tuple[Absence, ...] = ()
    calls: tuple[Call, ...] = ()

    def name(self, user: User) -> str:
        """Return how people call somebody."""
        return self.names.get(user, f"person {user}")


def findings(schedule: Schedule, a: datetime, b: datetime, facts: Facts) -> list[Finding]:
    """Return what is wrong on `[a, b)`, errors first."""
    runs = between(schedule, a, b)
    found = [
        *_gaps(schedule, runs, a, facts),
        *_inactive(schedule, a, b, facts),
        *_unreachable(runs, facts),
        *_vacations(schedule, runs, a, b, facts),
        *_doubles(schedule, runs, a, b, facts),
        *_no_rest(schedule, runs, a, facts),
        *_long(schedule, a, b, facts),
        *_frequent(schedule, runs, facts),
    ]
    return sorted(found, key=lambda f: f.level is not Level.ERROR)


def told(schedule: Schedule, start: datetime, end: datetime | None = None) -> str:
    """Return an instant or a stretch as the wall clock of the schedule shows it, with its zone."""
    tz = schedule.tz
    return f"{format_range(start, end, tz) if end else format_local(start, tz)} {tz}"


def key(code: str, *parts: object) -> str:
    """Return the id of a finding: what is wrong, and with what."""
    return ":".join((code, *(f"{p:%Y%m%dT%H%MZ}" if isinstance(p, datetime) else str(p) for p in parts)))


def _covered(schedule: Schedule, chain: Chain, gap: Stretch) -> bool:
    """Say whether whoever stands beside the schedule, or a later level, answers throughout the gap."""
    last = max(i for i, step in enumerate(chain.steps) if _holds(step, schedule))
    left = [gap]
    for step in chain.steps[last:]:
        if step.people:
            return True
        for other in step.schedules:
            if other.id != schedule.id:
                left = minus(left, [(r.start, r.end) for r in between(other, *gap) if r.users])
    return not left


def _holds(step: Step, schedule: Schedule) -> bool:
    return schedule.id in [other.id for other in step.schedules]


def _gaps(schedule: Schedule, runs: Sequence[Shift], a: datetime, facts: Facts) -> Iterator[Finding]:
    chains = [chain for chain in facts.chains if any(_holds(step, schedule) for step in chain.steps)]
    gaps = [(run.start, run.end) for run in runs if not run.users]
    silent = [[c.name for c in chains if not _covered(schedule, c, gap)] for gap in gaps]
    for (start, end), names in sorted(zip(gaps, silent, strict=True), key=lambda x: not x[1]):
        policy = names[0] if names else ""
        yield Finding(
            key("S-GAP", start if start > a else "now"),
            "S-GAP",
            Level.ERROR if policy else Level.WARNING,
            nobody(f"from {told(schedule, start, end)}", policy),
            start,
            end,
            (),
            Fix("override", "Create override", {"start": start, "end": end}),
            policy,
        )


def nobody(when: str, policy: str) -> str:
    """Return what is said of a gap, and of the policy of which nobody answers then, if there is one."""
    uncovered = f" No later level of {policy} covers it." if policy else ""
    return f"No one is on call {when}.{uncovered}"


def _layers(schedule: Schedule, a: datetime, b: datetime) -> list[Layer]:
    """Return the layers that hold within `[a, b)`."""
    return [x for x in schedule.layers if validity(x)[0] < b and (x.end is None or x.end > a)]


def _members(layers: Sequence[Layer]) -> set[User]:
    """Return who has turns on layers, active or not."""
    return {user for layer in layers for slot in layer.slots for user in slot}


def _inactive(schedule: Schedule, a: datetime, b: datetime, facts: Facts) -> Iterator[Finding]:
    turns = _members(_layers(schedule, a, b))
    edits = [e for e in schedule.edits if e.start < b and e.end > a and e.kind != "remove"]
    named = turns | {u for e in edits for u in (*e.users, *e.mapping.values())}
    for user in sorted(named & schedule.inactive, key=str):
        reason = "is still in the rotation" if user in turns else "is still put on call by an override"
        yield Finding(
            key("S-INACTIVE", user),
            "S-INACTIVE",
            Level.ERROR,
            f"{facts.name(user)} left but {reason}. That time falls to lower layers, or to no one.",
            None,
            None,
            (user,),
            Fix("leave", f"Remove {facts.name(user)}", {"person": user})
            if user in turns
            else Fix(
                "remove",
                "Remove override",
                {"edits": [e.id for e in edits if user in (*e.users, *e.mapping.values())]},
            ),
        )


def _unreachable(runs: Sequence[Shift], facts: Facts) -> Iterator[Finding]:
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
        yield Finding(
            key("S-UNREACHABLE", user),
            "S-UNREACHABLE",
            Level.WARNING if reach.wakes else Level.ERROR,
            f"{facts.name(user)} {problem}.",
            run.start,
            run.end,
            (user,),
            Fix("contact", "View contact methods", {"person": user}),
        )


def _vacations(
    schedule: Schedule, runs: Sequence[Shift], a: datetime, b: datetime, facts: Facts
) -> Iterator[Finding]:
    """Return S-VACATION for who is absent and on duty: cover is asked for, or, where nobody was, will be."""
    on_duty = {user for run in runs for user in run.users}
    found: list[tuple[Stretch, User, Fix]] = []
    for cover in facts.covers:
        low, high = max(cover.start, a), min(cover.end, b)
        mine = cover.schedule_id == schedule.id and cover.vacation_id and low < high
        if mine and own_stretches(schedule, cover.requester, low, high):
            fix = Fix("take", "Take shift", {"cover": cover.id})
            found.append(((cover.start, cover.end), cover.requester, fix))
    for absent in facts.vacations:
        if absent.person_id in on_duty and absent.start < b and absent.end > a:
            for start, end in unasked(schedule, absent, (*facts.covers, *facts.kept), a, b):
                who = absent.person_id
                ask = Fix("ask", "Request cover", {"person": who, "start": start, "end": end})
                found.append(((start, end), who, ask))
    for (start, end), user, fix in sorted(found, key=lambda x: x[0])[:_FEW]:
        yield Finding(
            key("S-VACATION", user, start if start > a else "now"),
            "S-VACATION",
            Level.WARNING,
            f"{facts.name(user)} has time off {told(schedule, start, end)} but is still on call.",
            start,
            end,
            (user,),
            fix,
        )


def _doubles(
    schedule: Schedule, runs: Sequence[Shift], a: datetime, b: datetime, facts: Facts
) -> Iterator[Finding]:
    others: dict[int | str, tuple[Schedule, bool]] = {}
    for chain in facts.chains:
        mine = [i for i, step in enumerate(chain.steps) if _holds(step, schedule)]
        for i, step in enumerate(chain.steps):
            for other in step.schedules:
                if mine and other.id != schedule.id:
                    next_to = any(abs(i - at) == 1 for at in mine)
                    others[other.id] = (other, next_to or others.get(other.id, (other, False))[1])
    for other, next_to in others.values():
        both = list(_at_once(runs, between(other, a, b)))
        same = [x for x in both if next_to and x[3]]
        for code, found in (("S-SAME", same), ("S-DOUBLE", [x for x in both if x not in same])):
            if found:
                yield _double(schedule, other, code, found, facts)


def _at_once(
    mine: Sequence[Shift], theirs: Sequence[Shift]
) -> Iterator[tuple[datetime, datetime, tuple[User, ...], bool]]:
    """Yield (start, end, who is in both, whether both are the same people)."""
    at = 0
    for run in mine:
        while theirs[at].end <= run.start:
            at += 1
        here = at
        while here < len(theirs) and theirs[here].start < run.end:
            other = theirs[here]
            if shared := tuple(u for u in run.users if u in other.users):
                format_range = (max(run.start, other.start), min(run.end, other.end))
                yield *format_range, shared, set(run.users) == set(other.users)
            here += 1


def _double(
    schedule: Schedule,
    other: Schedule,
    code: str,
    found: Sequence[tuple[datetime, datetime, tuple[User, ...], bool]],
    facts: Facts,
) -> Finding:
    start, end, users, *_ = found[0]
    names = " and ".join(facts.name(u) for u in users)
    verb = "is" if len(users) == 1 else "are"
    times = f" (the first of {len(found)} times)" if len(found) > 1 else ""
    people = "person" if len(users) == 1 else "people"
    result = f"escalating to the next level pages the same {people}" if code == "S-SAME" else "both page them"
    return Finding(
        key(code, schedule.id, other.id),
        code,
        Level.WARNING,
        f"{names} {verb} on call for {schedule.name} and {other.name} from {told(schedule, start)}{times},"
        f" so {result}.",
        start,
        end,
        users,
        _shift_of(schedule, other)
        or Fix("ask", "Request cover", {"person": users[0], "start": start, "end": end}),
    )


def _shift_of(schedule: Schedule, other: Schedule) -> Fix | None:
    """Return the fix that lets one schedule be the next person of the other, when that is all it needs."""
    if len(schedule.layers) != 1 or len(other.layers) != 1:
        return None
    mine, theirs = schedule.layers[0], other.layers[0]
    rhythm = (mine.anchor, mine.unit, mine.every, mine.tz, mine.slots)
    if rhythm != (theirs.anchor, theirs.unit, theirs.every, theirs.tz, theirs.slots):
        return None
    if len(set(mine.slots)) < 2 or (mine.offset - theirs.offset) % len(mine.slots):
        return None
    offset = (theirs.offset + 1) % len(mine.slots)
    return Fix("offset", f"Start one person after {other.name}", {"layer": mine.id, "offset": offset})


def tired(calls: Sequence[Call], now: datetime) -> dict[User, tuple[datetime, int, datetime]]:
    """Return by whom rest is due at `now`: since when, after how many pages in one night, until when.

    A page that calls often counts once a night; nights are 22:00 to 07:00 on the person's own clock.
    """
    nights: dict[tuple[User, date], list[Call]] = defaultdict(list)
    for call in calls:
        if night := night_of(call.at, call.tz):
            nights[call.user, night].append(call)
    found = {}
    for (user, _), rang in nights.items():
        count, last = len({c.page_id for c in rang}), max(c.at for c in rang)
        if count > NIGHT_LIMIT and last + REST > now:
            found[user] = (last, count, last + REST)
    return found


def _no_rest(schedule: Schedule, runs: Sequence[Shift], a: datetime, facts: Facts) -> Iterator[Finding]:
    for user, (last, count, until) in tired(facts.calls, a).items():
        on_duty = [(r.start, min(r.end, until)) for r in runs if user in r.users and r.start < until]
        if not on_duty:
            continue
        start, end = on_duty[0]
        asked = [c for c in facts.covers if c.schedule_id == schedule.id and c.requester == user]
        taking = next((c for c in asked if c.start < end and start < c.end), None)
        fix = Fix("ask", "Request cover", {"person": user, "start": start, "end": end})
        yield Finding(
            key("S-NOREST", user, last),
            "S-NOREST",
            Level.WARNING,
            f"{facts.name(user)} got {count} pages in one night, the last at {told(schedule, last)},"
            f" and is on call before {told(schedule, until)}, after less than 11 hours of rest.",
            start,
            end,
            (user,),
            Fix("take", "Take shift", {"cover": taking.id}) if taking else fix,
        )


def _long(schedule: Schedule, a: datetime, b: datetime, facts: Facts) -> Iterator[Finding]:
    open_: dict[User, datetime] = {}
    seen: set[User] = set()
    runs = between(schedule, a - WEEK, b)
    for before, run in zip((None, *runs), (*runs, None), strict=True):
        users = run.users if run else ()
        for user in list(open_):
            if user in users:
                continue
            start = open_.pop(user)
            end = before.end if before else b
            if (
                to_local(end, schedule.tz) - to_local(start, schedule.tz) > WEEK
                and user not in seen
                and end > a
            ):
                seen.add(user)
                yield _too_long(schedule, user, start, end, facts)
        if run:
            for user in users:
                open_.setdefault(user, run.start)


def _too_long(schedule: Schedule, user: User, start: datetime, end: datetime, facts: Facts) -> Finding:
    days = (end - start) / timedelta(days=1)
    return Finding(
        key("S-LONG", user),
        "S-LONG",
        Level.WARNING,
        f"{facts.name(user)} is on call for {days:.0f} days or more without a break,"
        f" from {told(schedule, start)}.",
        start,
        end,
        (user,),
        Fix("ask", "Request cover", {"person": user, "start": start + WEEK, "end": end}),
    )


def _frequent(schedule: Schedule, runs: Sequence[Shift], facts: Facts) -> Iterator[Finding]:
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
            if len(people) < ENOUGH_A_REGION:
                yield _few(key("S-FREQ", name), name, people, ENOUGH_A_REGION, edit)
        return
    people = set(share) | (_members(layers) - schedule.inactive)
    if gaps >= whole / 20:
        return
    if len(people) < ENOUGH:
        yield _few(key("S-FREQ", "people"), "The 24/7 rotation", people, ENOUGH, edit)
    elif whole >= HORIZON:
        for user, hours in share.items():
            if hours > whole * 0.3:
                yield Finding(
                    key("S-FREQ", user),
                    "S-FREQ",
                    Level.WARNING,
                    f"{facts.name(user)} is on call {hours / whole:.0%} of the time."
                    " Aim for at most one week in four.",
                    runs[0].start,
                    runs[-1].end,
                    (user,),
                    edit,
                )


def _regions(layers: Sequence[Layer]) -> dict[str, set[User]]:
    """Return who follows the sun where: a zone each, or a layer each within one; none when somebody is in two."""
    zones = {layer.tz for layer in layers}
    found: dict[str, set[User]] = {}
    for number, layer in enumerate(layers, 1):
        alike = [x for x in layers if x.tz == layer.tz] if len(zones) > 1 else [layer]
        found[alike[0].name or (layer.tz if len(zones) > 1 else f"Layer {number}")] = _members(alike)
    apart = len(set().union(*found.values())) == sum(map(len, found.values()))
    return found if len(found) > 1 and apart else {}


def _few(key: str, what: str, people: set[User], enough: int, fix: Fix) -> Finding:
    count = f"{len(people)} {'person' if len(people) == 1 else 'people'}"
    text = f"{what} has {count}. Aim for at least {enough} per rotation."
    return Finding(key, "S-FREQ", Level.WARNING, text, None, None, tuple(sorted(people, key=str)), fix)
