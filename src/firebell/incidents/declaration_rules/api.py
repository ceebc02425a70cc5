"""The API of rules that declare incidents."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.catalog import actions as catalog
from firebell.incidents.api import GivenSeverity, Sev
from firebell.incidents.declaration_rules import actions as rule_actions
from firebell.incidents.declaration_rules import store as rule_store
from firebell.incidents.declaration_rules.matching import MAX_PAGES, MAX_WINDOW_MINUTES, DeclarationRule
from firebell.incidents.severity import Severity, parse
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Name, PathId, StrictBool, StrictInt, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("incidents", "/declaration-rules")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]
Writer = Annotated[Work, work(Verb.INCIDENT_SETTINGS_WRITE)]


class NewDeclarationRule(ApiInput):
    """So many matching pages of one service within a window declare an incident."""

    name: Annotated[Name, Field(max_length=100, examples=["Checkout outage"])]
    service: Annotated[Name | None, Field(description="slug; without it, each service by itself")] = None
    matchers: Annotated[
        Text, Field(max_length=4096, description="as in Alertmanager", examples=['severity="critical"'])
    ] = ""
    pages: Annotated[StrictInt, Field(ge=1, le=MAX_PAGES)] = 3
    window_minutes: Annotated[StrictInt, Field(ge=1, le=MAX_WINDOW_MINUTES)] = 10
    severity: GivenSeverity = "SEV2"
    on: StrictBool = True


class DeclarationRuleShown(ApiOutput):
    """A rule that declares incidents, and how many it declared."""

    id: int
    name: str
    service: str | None
    matchers: str
    pages: int
    window_minutes: int
    severity: Sev
    on: bool
    declared: int


class DryDeclarationShown(ApiOutput):
    """An incident that a rule would have declared, with the pages that would count for it."""

    at: datetime
    service: str
    pages: list[str]


async def _rule(w: Work, body: NewDeclarationRule, rule_id: int = 0) -> DeclarationRule:
    severity = parse(body.severity)
    return DeclarationRule(
        id=rule_id,
        name=body.name,
        service_id=(await catalog.by_slug(w.tx, body.service)).id if body.service else None,
        matchers=body.matchers,
        pages=body.pages,
        window_minutes=body.window_minutes,
        severity=-1 if severity is None else int(severity),
        is_on=body.on,
        created_at=w.now,
    )


async def _shown(w: Work, rules: list[DeclarationRule]) -> list[DeclarationRuleShown]:
    services = await catalog.services_by_id(w.tx, [r.service_id for r in rules if r.service_id])
    declared = await rule_store.declared(w.tx, [rule.id for rule in rules])
    return [
        DeclarationRuleShown.model_validate(
            {
                "id": rule.id,
                "name": rule.name,
                "service": services[rule.service_id].slug if rule.service_id else None,
                "matchers": rule.matchers,
                "pages": rule.pages,
                "window_minutes": rule.window_minutes,
                "severity": Severity(rule.severity).name,
                "on": rule.is_on,
                "declared": declared.get(rule.id, 0),
            }
        )
        for rule in rules
    ]


@router.get("", summary="List rules that declare incidents")
async def list_declaration_rules(w: Reader) -> list[DeclarationRuleShown]:
    return await _shown(w, await rule_store.rules(w.tx))


@router.post("", status_code=201, summary="Create a rule that declares incidents", responses=problems(404))
async def create_declaration_rule(w: Writer, body: NewDeclarationRule) -> DeclarationRuleShown:
    created = await rule_actions.create_rule(w.tx, w.actor, await _rule(w, body), w.now)
    return (await _shown(w, [created]))[0]


@router.post(
    "/dry-run", summary="List what a rule would have declared in the last 30 days", responses=problems(404)
)
async def try_declaration_rule(w: Writer, body: NewDeclarationRule) -> list[DryDeclarationShown]:
    declared = await rule_actions.dry_run(w.tx, await _rule(w, body), w.now)
    services = await catalog.services_by_id(w.tx, [one.service_id for one in declared])
    return [
        DryDeclarationShown(
            at=one.at, service=services[one.service_id].slug, pages=[f"PG-{i}" for i in one.page_ids]
        )
        for one in declared
    ]


@router.put("/{rule_id}", summary="Replace a rule that declares incidents", responses=problems(404))
async def update_declaration_rule(
    w: Writer, rule_id: PathId, body: NewDeclarationRule
) -> DeclarationRuleShown:
    updated = await rule_actions.update_rule(w.tx, w.actor, await _rule(w, body, rule_id), w.now)
    return (await _shown(w, [updated]))[0]


@router.delete(
    "/{rule_id}", status_code=204, summary="Remove a rule that declares incidents", responses=problems(404)
)
async def remove_declaration_rule(w: Writer, rule_id: PathId) -> None:
    await rule_actions.remove_rule(w.tx, w.actor, rule_id, w.now)
