"""Response settings as a document of JSON or TOML, with what may not be saved (pure)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from firebell.kit.errors import Conflict, Invalid
from firebell.kit.localtime import zone_names
from firebell.kit.text import clean_name, slugify
from firebell.response.defaults import SHIPPED
from firebell.response.model import (
    CHANNEL,
    GROUP_NAMES,
    NEXT_TIER,
    SERVICE_TEAM,
    TARGET_KINDS,
    BusinessHours,
    How,
    MatrixRow,
    MatrixStep,
    ResponseGroup,
    ResponseSettings,
    SeverityResponse,
)
from firebell.response.plan import targets

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MATRIX_HOWS = (How.PAGE, How.BRIEF, How.POST, How.ASK)
LONGEST_STEP_MIN = 24 * 60
MOST_ROWS = 20
ROW_NAME_MAX_CHARS = 60
ROW_KEY = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
ROW_KEY_MAX_CHARS = 40
_MOST_ENTRIES = 50

Rename = Callable[[str], str]
"""Turns a target such as schedule:3 into its name outside, schedule:primary, or back."""


def to_document(settings: ResponseSettings, rename: Rename = str) -> dict[str, Any]:
    """Return settings as a document; `rename` gives targets their names outside."""
    hours = settings.hours

    def named(whos: tuple[str, ...]) -> list[str]:
        return [rename(who) for who in whos]

    return {
        "hours": {
            "tz": hours.tz,
            "days": [DAYS[day] for day in hours.days],
            "start": _wall(hours.start),
            "end": _wall(hours.end),
            "country": hours.country,
        },
        "executives_wait": settings.executives_wait,
        "rows": [{"key": row.key, "name": row.name} for row in settings.rows],
        "groups": {str(group): named(settings.groups.get(group, ())) for group in ResponseGroup},
        "severities": {
            f"SEV{level}": {
                "page": named(one.page),
                "brief": named(one.brief),
                "any_hour": one.any_hour,
                "off_hours_levels": one.off_hours_levels,
                "task": one.task,
                "queue": one.queue,
                "customers_every": one.customers_every or 0,
                "matrix": [
                    {
                        "after": step.after,
                        "function": str(step.function),
                        "how": str(step.how),
                        "who": rename(step.who),
                    }
                    for step in one.matrix
                ],
            }
            for level, one in enumerate(settings.severities)
        },
    }


def from_document(document: Mapping[str, Any], version: int = 0, rename: Rename = str) -> ResponseSettings:
    """Return the settings of a document; what it leaves out is as shipped. Raise `Invalid` at the field."""
    _known(document, {"hours", "executives_wait", "rows", "groups", "severities"}, "")
    rows = _rows(document["rows"]) if "rows" in document else SHIPPED.rows
    hours = _hours(_mapping(document.get("hours", {}), "hours"))
    groups = _mapping(document.get("groups", {}), "groups")
    _known(groups, set(ResponseGroup), "groups")
    levels = _mapping(document.get("severities", {}), "severities")
    _known(levels, {f"SEV{level}" for level in range(4)}, "severities")
    first, second, third, fourth = (
        _severity(
            levels.get(f"SEV{level}"), f"severities.SEV{level}", SHIPPED.severities[level], rows, rename
        )
        for level in range(4)
    )
    return ResponseSettings(
        version=version,
        hours=hours,
        groups={
            group: _targets(groups.get(group, []), f"groups.{group}", rename, groups_allowed=False)
            for group in ResponseGroup
        },
        severities=(first, second, third, fourth),
        executives_wait=_number(
            document.get("executives_wait", SHIPPED.executives_wait), "executives_wait", most=60
        ),
        rows=rows,
    )


def check(after: ResponseSettings, before: ResponseSettings) -> None:
    """Raise `Conflict` if a change would leave SEV0 or SEV1 without anyone to page."""
    for level in (0, 1):
        if not after.severities[level].page:
            raise Conflict(
                f"SEV{level} would page no one but the service’s policy.",
                fields={f"page_{level}": "Keep at least one."},
            )
        if pagers(before, level) and not pagers(after, level):
            raise Conflict(
                f"That would remove the last pager of SEV{level}.",
                fields={f"page_{level}": "Choose another one first."},
            )


def pagers(settings: ResponseSettings, level: int) -> set[str]:
    """Return the targets that a severity pages, besides the service's policy."""
    return {target for who in settings.severities[level].page for target in targets(settings, who)}


def all_targets(settings: ResponseSettings) -> set[str]:
    """Return everyone that the settings name, groups and targets."""
    named = {target for group in settings.groups.values() for target in group}
    for one in settings.severities:
        named |= {*one.page, *one.brief, *(step.who for step in one.matrix)}
    return named


def changes(before: ResponseSettings, after: ResponseSettings, label: Rename) -> list[str]:
    """Return what differs, one line for each change; `label` names targets for people."""
    old, new = to_document(before), to_document(after)
    lines = [
        f"Business hours, {name}: {_shown(old['hours'][name], label)} → {_shown(new['hours'][name], label)}"
        for name in new["hours"]
        if old["hours"][name] != new["hours"][name]
    ]
    if before.executives_wait != after.executives_wait:
        lines.append(f"Executives wait: {before.executives_wait} → {after.executives_wait} min")
    lines += [
        f"{GROUP_NAMES[group]}: {_shown(old['groups'][group], label)} → {_shown(new['groups'][group], label)}"
        for group in ResponseGroup
        if old["groups"][group] != new["groups"][group]
    ]
    lines += _row_changes(before.rows, after.rows)
    row_names = {row.key: row.name for row in (*before.rows, *after.rows)}
    for level in range(4):
        lines += _severity_changes(level, old["severities"], new["severities"], row_names, label)
    return lines


def _row_changes(before: Sequence[MatrixRow], after: Sequence[MatrixRow]) -> list[str]:
    old, new = {row.key: row.name for row in before}, {row.key: row.name for row in after}
    lines = [f"Matrix adds the row {new[key]}" for key in new if key not in old]
    lines += [f"Matrix removes the row {old[key]}" for key in old if key not in new]
    kept = [key for key in new if key in old]
    lines += [f"Matrix row {old[key]} → {new[key]}" for key in kept if old[key] != new[key]]
    if kept != [key for key in old if key in new]:
        lines.append(f"Order of the matrix: {', '.join(new.values())}")
    return lines


FIELD_NAMES = {
    "page": "pages",
    "brief": "messages",
    "any_hour": "at any hour",
    "off_hours_levels": "two levels off-hours",
    "task": "task",
    "queue": "queue",
    "customers_every": "minutes between customer updates",
}


def _severity_changes(
    level: int,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    row_names: Mapping[str, str],
    label: Rename,
) -> list[str]:
    was, now = old[f"SEV{level}"], new[f"SEV{level}"]
    lines = [
        f"SEV{level} {FIELD_NAMES[name]}: {_shown(was[name], label)} → {_shown(now[name], label)}"
        for name in FIELD_NAMES
        if was[name] != now[name]
    ]
    for verb, these, those in (("adds", now, was), ("removes", was, now)):
        lines += [
            f"SEV{level} {verb}: {_step_text(step, row_names, label)}"
            for step in these["matrix"]
            if step not in those["matrix"]
        ]
    return lines


def _step_text(step: Mapping[str, Any], row_names: Mapping[str, str], label: Rename) -> str:
    when = f"at {step['after']} min" if step["after"] else "at once"
    verb = "post in" if step["how"] == How.POST else step["how"]
    return f"{verb} {label(step['who'])} {when} ({row_names[step['function']]})"


def _shown(value: Any, label: Rename) -> str:
    if isinstance(value, list):
        return ", ".join(label(one) for one in value) or "no one"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "none"


def with_severity(settings: ResponseSettings, level: int, one: SeverityResponse) -> ResponseSettings:
    """Return the settings with another response of one severity."""
    levels = list(settings.severities)
    levels[level] = one
    first, second, third, fourth = levels
    return replace(settings, severities=(first, second, third, fourth))


def without_step(settings: ResponseSettings, level: int, step: MatrixStep) -> ResponseSettings:
    """Return the settings without a step of the matrix of one severity."""
    one = settings.severities[level]
    matrix = tuple(each for each in one.matrix if each != step)
    return with_severity(settings, level, replace(one, matrix=matrix))


def with_rows(settings: ResponseSettings, rows: Sequence[MatrixRow]) -> ResponseSettings:
    """Return the settings with these rows of the matrix; the steps of a row that is gone go with it."""
    keys = {row.key for row in rows}
    edited = replace(settings, rows=tuple(rows))
    for level, one in enumerate(settings.severities):
        matrix = tuple(step for step in one.matrix if step.function in keys)
        edited = with_severity(edited, level, replace(one, matrix=matrix))
    return edited


def new_row_key(name: str, taken: Sequence[str]) -> str:
    """Return a key for a new row of this name, different from all that are taken."""
    base = re.sub(r"[^a-z0-9]+", "_", slugify(name))[: ROW_KEY_MAX_CHARS - 4].strip("_") or "row"
    candidates = (base if number == 1 else f"{base}_{number}" for number in range(1, len(taken) + 2))
    return next(key for key in candidates if key not in taken)


def _rows(values: Any) -> tuple[MatrixRow, ...]:
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_ROWS:
        raise _invalid("rows", f"Use a list of 1 to {MOST_ROWS} rows.")
    rows: list[MatrixRow] = []
    for index, value in enumerate(values):
        field = f"rows.{index}"
        row = _mapping(value, field)
        _known(row, {"key", "name"}, field)
        key, name = row.get("key"), row.get("name")
        if not isinstance(key, str) or len(key) > ROW_KEY_MAX_CHARS or not ROW_KEY.fullmatch(key):
            raise _invalid(
                f"{field}.key", "Use small letters, digits and underscores, such as customer_success."
            )
        try:
            name = clean_name(name if isinstance(name, str) else "", "name", limit=ROW_NAME_MAX_CHARS)
        except Invalid as error:
            raise _invalid(f"{field}.name", error.fields["name"]) from error
        if any(row.key == key for row in rows):
            raise _invalid(f"{field}.key", "Use another key: each row has its own.")
        if any(row.name.casefold() == name.casefold() for row in rows):
            raise _invalid(f"{field}.name", "Use another name: each row has its own.")
        rows.append(MatrixRow(key, name))
    return tuple(rows)


def _hours(values: Mapping[str, Any]) -> BusinessHours:
    _known(values, {"tz", "days", "start", "end", "country"}, "hours")
    shipped = SHIPPED.hours
    tz, country = values.get("tz", shipped.tz), values.get("country", "")
    if tz not in zone_names():
        raise _invalid("hours.tz", "Use a time zone such as Europe/Berlin.")
    if not isinstance(country, str) or (country and not (len(country) == 2 and country.isupper())):
        raise _invalid("hours.country", "Use an ISO 3166 code such as DE, or leave it blank.")
    days = values.get("days", [DAYS[day] for day in shipped.days])
    if not isinstance(days, list) or not days or any(day not in DAYS for day in days):
        raise _invalid("hours.days", f"Use one or more of {', '.join(DAYS)}.")
    start = _minutes(values.get("start", _wall(shipped.start)), "hours.start")
    end = _minutes(values.get("end", _wall(shipped.end)), "hours.end")
    if end <= start:
        raise _invalid("hours.end", "Enter a time after the start.")
    return BusinessHours(tz, tuple(sorted({DAYS.index(day) for day in days})), start, end, country)


def _severity(
    value: Any, field: str, shipped: SeverityResponse, rows: Sequence[MatrixRow], rename: Rename
) -> SeverityResponse:
    keys = [row.key for row in rows]
    shipped = replace(shipped, matrix=tuple(step for step in shipped.matrix if step.function in keys))
    if value is None:
        return shipped
    values = _mapping(value, field)
    names = {"page", "brief", "any_hour", "off_hours_levels", "task", "queue", "customers_every", "matrix"}
    _known(values, names, field)
    flags = {
        name: values.get(name, getattr(shipped, name))
        for name in ("any_hour", "off_hours_levels", "task", "queue")
    }
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise _invalid(f"{field}.{name}", "Use true or false.")
    every = _number(
        values.get("customers_every", shipped.customers_every or 0), f"{field}.customers_every", most=1440
    )
    matrix = values.get("matrix")
    if matrix is not None and (not isinstance(matrix, list) or len(matrix) > _MOST_ENTRIES):
        raise _invalid(f"{field}.matrix", f"Use a list of at most {_MOST_ENTRIES} steps.")
    listed = (
        shipped.matrix
        if matrix is None
        else tuple(
            _matrix_step(step, f"{field}.matrix.{index}", keys, rename) for index, step in enumerate(matrix)
        )
    )
    return SeverityResponse(
        page=_targets(values.get("page", list(shipped.page)), f"{field}.page", rename),
        brief=_targets(values.get("brief", list(shipped.brief)), f"{field}.brief", rename),
        customers_every=every or None,
        matrix=tuple(sorted(dict.fromkeys(listed), key=lambda step: (step.after, keys.index(step.function)))),
        **flags,
    )


def _matrix_step(value: Any, field: str, keys: Sequence[str], rename: Rename) -> MatrixStep:
    step = _mapping(value, field)
    _known(step, {"after", "function", "how", "who"}, field)
    if step.get("function") not in keys:
        raise _invalid(f"{field}.function", f"Use one of {', '.join(keys)}.")
    if step.get("how", How.PAGE) not in MATRIX_HOWS:
        raise _invalid(f"{field}.how", f"Use one of {', '.join(MATRIX_HOWS)}.")
    how = How(step.get("how", How.PAGE))
    after = _number(step.get("after"), f"{field}.after", most=LONGEST_STEP_MIN)
    if how is How.POST:
        who = _channel(step.get("who"), f"{field}.who", rename)
    else:
        (who,) = _targets([step.get("who")], f"{field}.who", rename, tier_allowed=True)
    return MatrixStep(after, step["function"], how, who)


def _channel(value: Any, field: str, rename: Rename) -> str:
    """Return the channel that a step posts in; raise `Invalid` for anything else."""
    kind, _, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind != CHANNEL or not name:
        raise _invalid(field, "Choose a channel of a chat: a step that posts reaches no one else.")
    try:
        return rename(f"{kind}:{name}")
    except Invalid as error:
        raise _invalid(field, error.message) from error


def _targets(
    values: Any, field: str, rename: Rename, *, groups_allowed: bool = True, tier_allowed: bool = False
) -> tuple[str, ...]:
    """Return whom a list names, without repetitions; raise `Invalid` for anything else."""
    if not isinstance(values, list) or len(values) > _MOST_ENTRIES:
        raise _invalid(field, f"Use a list of at most {_MOST_ENTRIES}.")
    allowed = {*ResponseGroup, SERVICE_TEAM} if groups_allowed else set()
    allowed |= {NEXT_TIER} if tier_allowed else set()
    whos = []
    for value in values:
        if not isinstance(value, str):
            raise _invalid(field, "Use a text such as executives or schedule:primary.")
        kind, separator, name = value.partition(":")
        if separator and kind in TARGET_KINDS and name:
            try:
                whos.append(rename(value))
            except Invalid as error:
                raise _invalid(field, error.message) from error
        elif value in allowed:
            whos.append(value)
        elif kind == CHANNEL:
            raise _invalid(field, "Only a step that posts has a channel. Choose people, or the step “post”.")
        else:
            names = ", ".join([*sorted(allowed), *(f"{kind}:…" for kind in TARGET_KINDS)])
            raise _invalid(field, f"{value[:60]!r} names no one. Use one of {names}.")
    return tuple(dict.fromkeys(whos))


def _number(value: Any, field: str, *, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _invalid(field, f"Enter a whole number of minutes up to {most}.")
    return value


def _wall(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _minutes(value: Any, field: str) -> int:
    hours, separator, minutes = value.partition(":") if isinstance(value, str) else ("", "", "")
    is_time = separator and len(hours) == 2 and len(minutes) == 2 and (hours + minutes).isascii()
    if not (is_time and (hours + minutes).isdigit()):
        raise _invalid(field, "Enter a time such as 09:00.")
    if int(hours) * 60 + int(minutes) > LONGEST_STEP_MIN or int(minutes) > 59:
        raise _invalid(field, "Enter a time such as 09:00.")
    return int(hours) * 60 + int(minutes)


def _mapping(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _invalid(field, "Use a table of names and values.")
    return value


def _known(values: Mapping[str, Any], names: set[str], field: str) -> None:
    if unknown := sorted(set(values) - names):
        path = f"{field}.{unknown[0]}" if field else unknown[0]
        raise _invalid(path, f"Use one of {', '.join(sorted(names))}.")


def _invalid(field: str, text: str) -> Invalid:
    return Invalid("The response settings have an error.", fields={field: text})
