"""The screens of the response settings: the matrix, its edits in a draft, and the dry run."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, ROLE_NAMES, IncidentRole
from firebell.incidents.severity import FACTS, Severity, parse
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.localtime import to_instant, to_local
from firebell.kit.text import to_choice, to_number, to_wall
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.response import (
    document,
    escalation_triggers,
    preview,
    queries,
    settings_actions,
    store,
    toml_text,
)
from firebell.response.model import (
    CHANNEL,
    GROUP_NAMES,
    NEXT_TIER,
    SERVICE_TEAM,
    Function,
    How,
    MatrixStep,
    ResponseGroup,
    ResponseSettings,
)
from firebell.response.queries import TargetNames

router = routing.html_router()

Typed = Callable[[ResponseSettings], ResponseSettings]
"""Returns the settings with what a refused form has, to show it again."""

HOME = "/settings/response"
COLUMNS = {0: (0, 15, 30, 60, 120), 1: (0, 30, 60, 120, 240)}
"""The minutes that the matrix of a severity always shows; those of other steps are added."""
SHOWN_SERVICES = 100
HOW_NAMES = {How.PAGE: "Page", How.BRIEF: "Brief", How.POST: "Post in a channel", How.ASK: "Ask"}
DAY_NAMES = dict(zip(document.DAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
FUNCTION_WHO = {
    Function.COMMAND: NEXT_TIER,
    Function.COMMUNICATIONS: ResponseGroup.COMMUNICATIONS,
    Function.SUPPORT: ResponseGroup.SUPPORT,
    Function.EXECUTIVES: ResponseGroup.EXECUTIVES,
    Function.LEGAL: ResponseGroup.LEGAL,
    Function.SECURITY: ResponseGroup.SECURITY,
}
"""Whom a new step of a shipped row names at first."""


def _level(text: str) -> int:
    severity = parse(text)
    if severity is None:
        raise NotFound(f"There is no severity {text[:20]}.", hint="Use SEV0 to SEV3.")
    return int(severity)


async def _current(visit: Visit) -> tuple[ResponseSettings, ResponseSettings]:
    """Return the settings in force, and those with the draft."""
    in_force, _ = await queries.settings(visit.tx)
    return in_force, await settings_actions.draft(visit.tx) or in_force


async def _options(visit: Visit, names: TargetNames) -> list[tuple[str, str]]:
    """Return the targets that a form offers: schedules, policies, teams, then people."""
    offered = [
        (key, label)
        for key, (_, label) in names.known.items()
        if not key.startswith(("person:", f"{CHANNEL}:"))
    ]
    choice = await choosable(visit.tx, [], visit.request.query_params.get("with", ""))
    return [*offered, *((f"person:{person_id}", label) for person_id, label in choice.options)]


def _roles(level: int) -> list[str]:
    """Return the required roles of a severity with their deadlines, one line for each deadline."""
    by_deadline: dict[int | None, list[str]] = {}
    for role in FACTS[Severity(level)].roles:
        within = escalation_triggers.role_within(level, role)
        minutes = int(within.total_seconds() // 60) if level <= 1 else None
        by_deadline.setdefault(minutes, []).append(ROLE_NAMES[IncidentRole(role)])
    lines = []
    for minutes, roles in by_deadline.items():
        names = ", ".join([roles[0], *map(str.lower, roles[1:])])
        lines.append(f"{names} {minutes} min" if minutes else names)
    return lines


def _capital(text: str) -> str:
    """Return text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _columns(settings: ResponseSettings, level: int) -> list[int]:
    return sorted({*COLUMNS.get(level, (0, 60)), *(step.after for step in settings.severities[level].matrix)})


async def _running(visit: Visit, level: int, columns: list[int]) -> dict[int, list[str]]:
    """Return the open incidents of a severity by the column that their elapsed time has reached."""
    listed = [i for i in await incidents.incidents(visit.tx, tuple(OPEN), False, 50) if i.severity == level]
    reached: dict[int, list[str]] = {}
    for one in await queries.running(visit.tx, listed, visit.now):
        elapsed = (visit.now - one.facts.since).total_seconds() / 60
        reached.setdefault(max(c for c in columns if c <= elapsed), []).append(one.incident.ref)
    return reached


def _dry_run_at(text: str, visit: Visit) -> datetime:
    return to_instant(to_wall(text, "at"), visit.person.tz) if text else visit.now


@router.get(HOME, dependencies=route_access.needs(Verb.RESPONSE_READ))
async def settings_page(
    visit: CurrentVisit, severity: str = "SEV1", dry: str = "", at: str = "", service: str = ""
) -> Response:
    level = _level(severity)
    names = await queries.target_names(visit.tx)
    in_force, edited = await _current(visit)
    _, applied = await queries.settings(visit.tx)
    columns = _columns(edited, level)
    dry_level, error, dry_at = _level(dry or severity), None, visit.now
    try:
        dry_at = _dry_run_at(at, visit)
    except Invalid as refused:
        error = refused
    services = (await catalog.services(visit.tx))[:SHOWN_SERVICES]
    service_id = to_choice(service, "service") or (services[0].id if services else None)
    context = {
        "nav": "settings",
        "tab": "response",
        "wide": True,
        "applied": applied,
        "settings": edited,
        "levels": list(enumerate(edited.severities)),
        "facts": [FACTS[severity] for severity in Severity],
        "roles": [_roles(level) for level in range(4)],
        "changes": document.changes(in_force, edited, names.label),
        "severity": level,
        "columns": columns,
        "rows": edited.rows,
        "matrix": edited.severities[level].matrix,
        "applied_matrix": in_force.severities[level].matrix,
        "running": await _running(visit, level, columns),
        "icons": preview.ICONS,
        "label": lambda who: _capital(names.label(who)),
        "group_names": GROUP_NAMES,
        "dry_level": dry_level,
        "dry_at": at or f"{to_local(visit.now, visit.person.tz):%Y-%m-%dT%H:%M}",
        "dry": await preview.dry_run(visit.tx, edited, dry_level, dry_at, service_id=service_id),
        "services": [(s.id, s.name) for s in services],
        "service": service_id or "",
        "day_names": DAY_NAMES,
        "days": document.DAYS,
        "hours": document.to_document(edited)["hours"],
        "error": error,
    }
    return await html.render(visit.request, "response/settings.html", context)


def _chosen(visit: Visit, name: str) -> list[str]:
    """Return whom a form keeps and adds under a name."""
    kept = [str(value) for value in visit.form.getlist(name)]
    added = visit.text(f"add_{name}")
    return [*kept, *([added] if added else [])]


async def _severity_form(
    visit: Visit, level: int, error: FirebellError | None = None, typed: Typed | None = None
) -> Response:
    names = await queries.target_names(visit.tx)
    _, edited = await _current(visit)
    if typed is not None:
        edited = typed(edited)
    groups = [
        *((str(group), name) for group, name in GROUP_NAMES.items()),
        (SERVICE_TEAM, "The service’s team"),
    ]
    context = {
        "nav": "settings",
        "tab": "response",
        "level": level,
        "one": edited.severities[level],
        "groups": groups,
        "options": await _options(visit, names),
        "label": names.label,
        "settings": edited,
        "customers_every": visit.values.get("customers_every", edited.severities[level].customers_every or 0),
        "error": error,
    }
    return await html.render(visit.request, "response/severity.html", context)


@router.get(HOME + "/severities/{severity}", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def severity_form(visit: CurrentVisit, severity: str) -> Response:
    return await _severity_form(visit, _level(severity))


@router.post(HOME + "/severities/{severity}", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def edit_severity(visit: CurrentVisit, severity: str) -> Response:
    level, values = _level(severity), visit.values

    def typed(settings: ResponseSettings) -> ResponseSettings:
        one = replace(
            settings.severities[level],
            page=tuple(dict.fromkeys(_chosen(visit, "page"))),
            brief=tuple(dict.fromkeys(_chosen(visit, "brief"))),
            any_hour=values.get("hours") != "business",
            off_hours_levels=bool(values.get("off_hours_levels")),
            task=bool(values.get("task")),
            queue=bool(values.get("queue")),
        )
        return document.with_severity(settings, level, one)

    def edit(settings: ResponseSettings) -> ResponseSettings:
        every = to_number(values.get("customers_every") or "0", "customers_every", most=1440)
        edited = typed(settings)
        one = replace(edited.severities[level], customers_every=every or None)
        return document.with_severity(edited, level, one)

    try:
        async with visit.tx.savepoint():
            await settings_actions.edit_draft(visit.tx, visit.actor, edit, visit.now)
    except FirebellError as error:
        return await _severity_form(visit, level, error, typed)
    return flash.redirect(visit.request, f"{HOME}?severity=SEV{level}", "Added to the changes to review.")


async def _groups_form(visit: Visit, error: FirebellError | None = None) -> Response:
    names = await queries.target_names(visit.tx)
    _, edited = await _current(visit)
    context = {
        "nav": "settings",
        "tab": "response",
        "settings": edited,
        "groups": [
            (str(group), name, _chosen(visit, str(group)) if error else edited.groups.get(group, ()))
            for group, name in GROUP_NAMES.items()
        ],
        "executives_wait": visit.values.get("executives_wait", edited.executives_wait),
        "options": await _options(visit, names),
        "others": await choosable(visit.tx, [], visit.request.query_params.get("with", "")),
        "label": names.label,
        "hours": {**document.to_document(edited)["hours"], **visit.values},
        "chosen_days": visit.form.getlist("days") if error else document.to_document(edited)["hours"]["days"],
        "day_options": list(DAY_NAMES.items()),
        "error": error,
    }
    return await html.render(visit.request, "response/groups.html", context)


@router.get(HOME + "/groups", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def groups_form(visit: CurrentVisit) -> Response:
    return await _groups_form(visit)


@router.post(HOME + "/groups", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def edit_groups(visit: CurrentVisit) -> Response:
    values = visit.values

    def edit(settings: ResponseSettings) -> ResponseSettings:
        hours = {
            "tz": values.get("tz", "").strip(),
            "days": [str(day) for day in visit.form.getlist("days")],
            "start": values.get("start", ""),
            "end": values.get("end", ""),
            "country": values.get("country", "").strip().upper(),
        }
        edited = {
            **document.to_document(settings),
            "hours": hours,
            "groups": {str(group): _chosen(visit, str(group)) for group in ResponseGroup},
            "executives_wait": to_number(values.get("executives_wait", ""), "executives_wait", most=60),
        }
        return document.from_document(edited)

    try:
        async with visit.tx.savepoint():
            await settings_actions.edit_draft(visit.tx, visit.actor, edit, visit.now)
    except FirebellError as error:
        return await _groups_form(visit, _at_form_fields(error))
    return flash.redirect(visit.request, HOME, "Added to the changes to review.")


def _at_form_fields(error: FirebellError) -> FirebellError:
    """Return the error with the fields of a document as those of the form."""
    error.fields = {name.rpartition(".")[2]: text for name, text in error.fields.items()}
    return error


async def _step_form(visit: Visit, values: Mapping[str, Any], error: FirebellError | None = None) -> Response:
    names = await queries.target_names(visit.tx)
    _, edited = await _current(visit)
    channels = [(key, label) for key, (_, label) in names.known.items() if key.startswith(f"{CHANNEL}:")]
    groups = [*((str(group), name) for group, name in GROUP_NAMES.items())]
    context = {
        "nav": "settings",
        "tab": "response",
        "values": values,
        "severities": [(f"SEV{level}", f"SEV{level}") for level in range(4)],
        "rows": [(row.key, row.name) for row in edited.rows],
        "hows": [(str(how), name) for how, name in HOW_NAMES.items()],
        "whos": [
            (NEXT_TIER, "The next tier"),
            *groups,
            (SERVICE_TEAM, "The service’s team"),
            *channels,
            *await _options(visit, names),
        ],
        "has_channels": bool(channels),
        "error": error,
    }
    return await html.render(visit.request, "response/step.html", context)


async def _first_choice(visit: Visit, row: str, how: str) -> str:
    """Return what a new step names at first: to post a channel if there is one, else whom its row stands for."""
    if how == How.POST:
        known = (await queries.target_names(visit.tx)).known
        if channel := next((key for key in known if key.startswith(f"{CHANNEL}:")), None):
            return channel
    return next((who for function, who in FUNCTION_WHO.items() if function == row), NEXT_TIER)


@router.get(HOME + "/steps", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def step_form(
    visit: CurrentVisit,
    severity: str = "SEV1",
    function: str = Function.COMMAND,
    after: str = "30",
    how: str = How.PAGE,
    who: str = "",
    edit: str = "",
) -> Response:
    _, edited = await _current(visit)
    keys = [row.key for row in edited.rows]
    known = function if function in keys else keys[0]
    values = {
        "severity": f"SEV{_level(severity)}",
        "function": known,
        "after": after,
        "how": how if how in HOW_NAMES else How.PAGE,
        "who": who or await _first_choice(visit, known, how),
    }
    if edit:
        values |= {f"was_{name}": value for name, value in values.items()}
    return await _step_form(visit, values)


def _replaced(values: Mapping[str, str]) -> tuple[int, MatrixStep] | None:
    """Return the severity and the step that the form of a changed step replaces, None for a new step."""
    was = {name.removeprefix("was_"): value for name, value in values.items() if name.startswith("was_")}
    return (_level(was.get("severity", "")), _step_of(was)) if was else None


def _step_of(values: Mapping[str, str]) -> MatrixStep:
    """Return the step of a form; raise `Invalid`."""
    if values.get("how") not in document.MATRIX_HOWS:
        raise Invalid("That is not a kind of step.", fields={"how": "Choose one from the list."})
    after = to_number(values.get("after", ""), "after", most=document.LONGEST_STEP_MIN, unit="min")
    return MatrixStep(after, values.get("function", ""), How(values["how"]), values.get("who", ""))


@router.post(HOME + "/steps", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def add_step(visit: CurrentVisit) -> Response:
    values = visit.values
    level = _level(values.get("severity", ""))
    try:
        async with visit.tx.savepoint():
            step, replaced = _step_of(values), _replaced(values)

            def edit(settings: ResponseSettings) -> ResponseSettings:
                without = settings if replaced is None else document.without_step(settings, *replaced)
                one = without.severities[level]
                matrix = tuple(dict.fromkeys([*one.matrix, step]))
                return document.with_severity(without, level, replace(one, matrix=matrix))

            await settings_actions.edit_draft(visit.tx, visit.actor, edit, visit.now)
    except FirebellError as error:
        return await _step_form(visit, values, _at_form_fields(error))
    return flash.redirect(visit.request, f"{HOME}?severity=SEV{level}", "Added to the changes to review.")


@router.post(HOME + "/steps/remove", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def remove_step(visit: CurrentVisit) -> Response:
    level, step = _level(visit.text("severity")), _step_of(visit.values)

    def edit(settings: ResponseSettings) -> ResponseSettings:
        return document.without_step(settings, level, step)

    await settings_actions.edit_draft(visit.tx, visit.actor, edit, visit.now)
    return flash.redirect(visit.request, f"{HOME}?severity=SEV{level}", "Added to the changes to review.")


@router.get(HOME + "/review", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def review(visit: CurrentVisit) -> Response:
    names = await queries.target_names(visit.tx)
    in_force, edited = await _current(visit)
    ongoing = await incidents.incidents(visit.tx, tuple(OPEN), False, 50)
    versions = await store.responses(visit.tx, [incident.id for incident in ongoing])
    context = {
        "nav": "settings",
        "tab": "response",
        "changes": document.changes(in_force, edited, names.label),
        "version": in_force.version + 1,
        "ongoing": [(i, versions[i.id].version) for i in ongoing if i.id in versions],
    }
    return await html.render(visit.request, "response/review.html", context)


@router.post(HOME + "/apply", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def apply(visit: CurrentVisit) -> Response:
    settings = await settings_actions.apply_draft(visit.tx, visit.actor, visit.now)
    return flash.redirect(visit.request, HOME, f"Version {settings.version} is in force.")


@router.post(HOME + "/discard", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def discard(visit: CurrentVisit) -> Response:
    await settings_actions.discard_draft(visit.tx, visit.actor, visit.now)
    return flash.redirect(visit.request, HOME, "Changes discarded.")


async def _transfer_page(visit: Visit, text: str = "", error: FirebellError | None = None) -> Response:
    names = await queries.target_names(visit.tx)
    in_force, _ = await queries.settings(visit.tx)
    context = {
        "nav": "settings",
        "tab": "response",
        "exported": toml_text.dump(document.to_document(in_force, names.outside)),
        "text": text,
        "error": error,
    }
    return await html.render(visit.request, "response/transfer.html", context)


@router.get(HOME + "/transfer", dependencies=route_access.needs(Verb.RESPONSE_READ))
async def transfer(visit: CurrentVisit) -> Response:
    return await _transfer_page(visit)


@router.post(HOME + "/transfer", dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def import_settings(visit: CurrentVisit) -> Response:
    text = visit.text("text")
    try:
        async with visit.tx.savepoint():
            names = await queries.target_names(visit.tx)
            imported = document.from_document(toml_text.load(text), rename=names.inside)
            await settings_actions.edit_draft(visit.tx, visit.actor, lambda _: imported, visit.now)
    except FirebellError as error:
        return await _transfer_page(visit, text, error)
    return flash.redirect(visit.request, f"{HOME}/review", "Settings imported. Review the changes.")
