"""The form of the policy editor: its levels as text, and the edits of its buttons (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from firebell.kit.durations import minutes_text, to_seconds
from firebell.kit.errors import Invalid
from firebell.kit.localtime import check_zone
from firebell.kit.text import to_id, to_number, to_required
from firebell.kit.web.field_errors import FieldErrors
from firebell.kit.web.filters import to_one_of
from firebell.paging.level_conditions import (
    EVERY_DAY,
    MINUTES_PER_DAY,
    Conditions,
    Hours,
    clock,
    condition_problem,
    to_minute,
)
from firebell.paging.model import MAX_MIN_ACKS, Level, Plan, Policy, Strategy, Target, TargetKind

LEVELS_READ = 60
"""Number of levels read from a form: more than allowed, so that too many get an error instead of being lost."""
DEFAULT_WAIT = "5"


class Fields(Protocol):
    """A posted form."""

    def get(self, key: str, /) -> object: ...

    def getlist(self, key: str, /) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A level of the form: targets such as schedule:7, and its time to acknowledge."""

    targets: tuple[str, ...] = ()
    wait: str = DEFAULT_WAIT
    strategy: str = Strategy.ALL
    min_acks: str = "1"
    urgency: str = ""
    severities: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    outside: str = ""
    """Not empty if the level is for the times outside its hours."""

    @staticmethod
    def from_level(level: Level) -> "LevelRow":
        """Return the row of a stored level."""
        conditions, hours = level.conditions, level.conditions.hours or Hours()
        return LevelRow(
            targets=tuple(f"{t.kind}:{t.id}" for t in level.targets),
            wait=minutes_text(level.ack_within_s),
            strategy=level.strategy,
            min_acks=str(level.min_acks),
            urgency=conditions.urgency,
            severities=tuple(map(str, conditions.severities)),
            days=() if hours.days == EVERY_DAY else tuple(map(str, hours.days)),
            start=clock(hours.start) if hours.start else "",
            end=clock(hours.end) if hours.end != MINUTES_PER_DAY else "",
            outside="yes" if hours.is_outside else "",
        )

    @staticmethod
    def from_form(form: Fields, i: int) -> "LevelRow":
        """Return the row of a submitted level, valid or not."""

        def texts(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(str(value) for value in form.getlist(f"{name}-{i}") if str(value)))

        def text(name: str, otherwise: str = "") -> str:
            return str(form.get(f"{name}-{i}") or otherwise)

        return LevelRow(
            targets=texts("target"),
            wait=text("wait"),
            strategy=text("strategy", Strategy.ALL),
            min_acks=text("acks", "1"),
            urgency=text("only"),
            severities=texts("sev"),
            days=texts("day"),
            start=text("start"),
            end=text("end"),
            outside=text("outside"),
        )

    @property
    def has_rules(self) -> bool:
        """Return True unless it pages everyone about every page."""
        return self != LevelRow(self.targets, self.wait)


@dataclass(frozen=True, slots=True)
class PolicyForm:
    """The form of a policy, with every field as text."""

    name: str = ""
    team: str = ""
    rows: tuple[LevelRow, ...] = ()
    repeat: str = "2"
    ack_timeout: str = ""
    tz: str = "UTC"

    @staticmethod
    def from_policy(policy: Policy) -> "PolicyForm":
        """Return the form of a stored policy."""
        rows = tuple(map(LevelRow.from_level, policy.levels))
        timeout = minutes_text(policy.ack_timeout_s) if policy.ack_timeout_s else ""
        return PolicyForm(policy.name, str(policy.team_id), rows, str(policy.repeat), timeout, policy.tz)

    @staticmethod
    def from_form(form: Fields) -> "PolicyForm":
        """Return a submitted form, valid or not."""
        rows = []
        for i in range(LEVELS_READ):
            if not form.getlist(f"wait-{i}"):
                break
            rows.append(LevelRow.from_form(form, i))
        plain = [str(form.get(name) or "") for name in ("name", "team", "repeat", "ack_timeout", "tz")]
        return PolicyForm(plain[0], plain[1], tuple(rows), plain[2], plain[3], plain[4] or "UTC")

    @property
    def person_ids(self) -> list[int]:
        """The people whom it targets by name."""
        named = (value.partition(":") for row in self.rows for value in row.targets)
        return [i for kind, _, text in named if kind == TargetKind.PERSON and (i := to_id(text))]


def plan_of(draft: PolicyForm, errors: FieldErrors) -> Plan:
    """Return the plan of a draft; record errors by field, those of a level with its index: wait-0."""
    levels = []
    for i, row in enumerate(draft.rows):
        targets = [errors.value(partial(_target, value, f"target-{i}"), None) for value in row.targets]
        if not targets:
            errors.add(f"target-{i}", "Choose who to notify, or remove this level.")
        wait_s = errors.value(partial(to_seconds, row.wait or DEFAULT_WAIT, f"wait-{i}"), 0)
        levels.append(
            Level(
                targets=tuple(target for target in targets if target),
                ack_within_s=wait_s,
                strategy=errors.value(partial(_strategy, row.strategy, f"strategy-{i}"), Strategy.ALL),
                min_acks=errors.value(partial(_acks, row.min_acks, f"acks-{i}"), 1),
                conditions=_conditions(row, i, errors),
            )
        )
    if not levels:
        errors.add("levels", "Add at least one level.")
    repeat = errors.value(lambda: to_number(draft.repeat, "repeat", most=9), 0)
    timeout = draft.ack_timeout.strip()
    timeout_s = errors.value(partial(to_seconds, timeout, "ack_timeout"), 0) if timeout else None
    tz = errors.value(lambda: check_zone(draft.tz), "UTC")
    return Plan(draft.name, tuple(levels), repeat, timeout_s, tz=tz)


def _strategy(text: str, field: str) -> Strategy:
    return Strategy(to_one_of(text, field, tuple(Strategy)))


def _acks(text: str, field: str) -> int:
    return to_number(text, field, least=1, most=MAX_MIN_ACKS)


def _conditions(row: LevelRow, i: int, errors: FieldErrors) -> Conditions:
    """Return the conditions of a row; record errors, those of all together as conditions-0."""
    urgencies, levels, days = ("", "high", "low"), ("0", "1", "2", "3"), tuple(map(str, EVERY_DAY))
    urgency = errors.value(partial(to_one_of, row.urgency, f"only-{i}", urgencies), "")
    severities = [errors.value(partial(to_one_of, s, f"sev-{i}", levels), "0") for s in row.severities]
    chosen = [errors.value(partial(to_one_of, day, f"day-{i}", days), "0") for day in row.days]
    hours = Hours(
        tuple(sorted(map(int, chosen or days))),
        errors.value(partial(to_minute, row.start or "00:00", f"start-{i}"), 0),
        errors.value(partial(to_minute, row.end or "24:00", f"end-{i}"), MINUTES_PER_DAY),
        bool(row.outside),
    )
    conditions = Conditions(urgency, tuple(sorted(map(int, severities))), None if hours == Hours() else hours)
    if problem := condition_problem(conditions):
        errors.add(f"conditions-{i}", problem)
    return conditions


def _target(value: str, field: str) -> Target:
    """Return the target of an option such as schedule:7; raise `Invalid` naming the field."""
    kind, _, text = value.partition(":")
    if kind not in list(TargetKind):
        raise Invalid("A level has an unknown target.", fields={field: "Choose from the list."})
    return Target(TargetKind(kind), to_required(text, field))


def apply_button(draft: PolicyForm, button: str) -> tuple[PolicyForm, int | None]:
    """Return the draft after a button such as `up-1`, and the level that it concerns; unknown buttons do nothing.

    The buttons are insert (before a level, or after the last), up, down, copy, remove, and drop with the position
    of a target: `drop-1-0`.
    """
    what, _, rest = button.partition("-")
    index, _, position = rest.partition("-")
    i, rows = _position(index, len(draft.rows) + 1), list(draft.rows)
    if i is None or (what != "insert" and i >= len(rows)):
        return draft, None
    match what:
        case "insert":
            rows.insert(i, LevelRow())
        case "copy":
            rows.insert(i + 1, rows[i])
            i += 1
        case "remove":
            del rows[i]
            i = min(i, len(rows) - 1)
        case "up" if i > 0:
            rows[i - 1], rows[i] = rows[i], rows[i - 1]
            i -= 1
        case "down" if i + 1 < len(rows):
            rows[i + 1], rows[i] = rows[i], rows[i + 1]
            i += 1
        case "drop" if (at := _position(position, len(rows[i].targets))) is not None:
            targets = rows[i].targets
            rows[i] = replace(rows[i], targets=(*targets[:at], *targets[at + 1 :]))
    return replace(draft, rows=tuple(rows)), i if rows else None


def _position(text: str, length: int) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and int(text[:9]) < length else None
