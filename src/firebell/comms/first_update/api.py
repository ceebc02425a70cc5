"""The API of the first update that a rule publishes."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.comms.first_update import actions, queries, rules
from firebell.comms.first_update.model import FirstUpdateRule
from firebell.comms.first_update.queries import FirstUpdateState
from firebell.incidents import actions as incidents
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, StrictBool, StrictInt, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions as status_pages
from firebell.status_pages.publishing.actions import BODY_MAX_CHARS, NAME_MAX_CHARS

router = api.router("comms")

PageReader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
Manager = Annotated[Work, work(Verb.STATUS_PAGE_WRITE)]
Reader = Annotated[Work, work(Verb.INCIDENT_READ)]
Writer = Annotated[Work, work(Verb.INCIDENT_UPDATE)]


class FirstUpdateRuleShown(ApiOutput):
    """When Firebell publishes the first update on a status page, and its text.

    It counts `minutes` from when an incident got one of the severities, and at the earliest from `enabled_at`.
    """

    enabled: bool
    severities: list[int]
    minutes: int
    headline: str
    body: str
    enabled_at: Annotated[datetime | None, Field(description="null while it is off")]


class FirstUpdateRuleInput(ApiInput):
    """The rule of a status page. The texts can have the slot `{{components}}`, and no other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "enabled": True,
                    "severities": [0],
                    "minutes": 10,
                    "headline": rules.DEFAULT_HEADLINE,
                    "body": rules.DEFAULT_BODY,
                }
            ]
        }
    )

    enabled: StrictBool
    severities: Annotated[list[Annotated[StrictInt, Field(ge=0, le=3)]], Field(min_length=1, max_length=4)]
    minutes: Annotated[StrictInt, Field(ge=rules.MIN_MINUTES, le=rules.MAX_MINUTES)]
    headline: Annotated[Text, Field(max_length=NAME_MAX_CHARS)]
    body: Annotated[Text, Field(max_length=BODY_MAX_CHARS)]


class ComingFirstUpdate(ApiOutput):
    """A status page on which Firebell publishes at `at`; if someone must approve it, they are reminded instead."""

    status_page: str
    at: datetime
    needs_approval: bool


class FirstUpdateShown(ApiOutput):
    """What Firebell is about to publish about an incident; nothing if a person took over."""

    coming: list[ComingFirstUpdate]
    claimed_by: Annotated[str, Field(description="empty if no one took over")]


def _rule(rule: FirstUpdateRule) -> FirstUpdateRuleShown:
    return FirstUpdateRuleShown(
        enabled=rule.is_enabled,
        severities=sorted(rule.severities),
        minutes=rule.minutes,
        headline=rule.headline,
        body=rule.body,
        enabled_at=rule.enabled_at,
    )


def _state(state: FirstUpdateState) -> FirstUpdateShown:
    return FirstUpdateShown(
        coming=[
            ComingFirstUpdate(status_page=each.page.slug, at=each.at, needs_approval=each.needs_approval)
            for each in state.coming
        ],
        claimed_by=state.claim.label if state.claim else "",
    )


@router.get(
    "/status-pages/{slug}/first-update",
    summary="Show when Firebell publishes the first update",
    responses=problems(404),
)
async def show_first_update_rule(w: PageReader, slug: Text) -> FirstUpdateRuleShown:
    return _rule(await actions.rule_of(w.tx, await status_pages.status_page(w.tx, slug)))


@router.put(
    "/status-pages/{slug}/first-update",
    summary="Change when Firebell publishes the first update",
    responses=problems(404),
)
async def change_first_update_rule(
    w: Manager, slug: Text, body: FirstUpdateRuleInput
) -> FirstUpdateRuleShown:
    page = await status_pages.status_page(w.tx, slug)
    return _rule(
        await actions.change_rule(
            w.tx,
            w.actor,
            page,
            w.now,
            is_enabled=body.enabled,
            severities=body.severities,
            minutes=body.minutes,
            headline=body.headline,
            body=body.body,
        )
    )


@router.get(
    "/incidents/{ref}/first-update",
    summary="Show what Firebell is about to publish about an incident",
    responses=problems(404),
)
async def show_first_update(w: Reader, ref: Text) -> FirstUpdateShown:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    return _state(await queries.state(w.tx, incident, w.now))


@router.post(
    "/incidents/{ref}/first-update/claim",
    summary="Post the first update yourself, so that Firebell doesn’t",
    responses=problems(404, 409),
)
async def claim_first_update(w: Writer, ref: Text) -> FirstUpdateShown:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    await actions.claim(w.tx, w.actor, incident.id, w.now)
    return _state(await queries.state(w.tx, incident, w.now))
