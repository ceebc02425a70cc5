"""The API of approval rules and vendors."""

from typing import Annotated

from pydantic import Field

from firebell.comms import approval_settings, tone_queries, vendor_settings
from firebell.comms.approval_rules import MAX_MINUTES, ApprovalRule, Silence
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, StrictBool, StrictInt, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("comms")

Reader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
Manager = Annotated[Work, work(Verb.STATUS_PAGE_WRITE)]


class ApprovalRuleShown(ApiOutput):
    """Who approves what before it is sent, and what silence means after `minutes`."""

    id: str
    occasions: list[str]
    severities: list[int]
    roles: list[str]
    silence: Silence
    minutes: int
    enabled: bool


class ApprovalRuleInput(ApiInput):
    """A changed approval rule; every role must approve."""

    enabled: StrictBool
    roles: Annotated[list[Annotated[Text, Field(max_length=40)]], Field(max_length=20)]
    silence: Silence
    minutes: Annotated[StrictInt, Field(ge=0, le=MAX_MINUTES)]
    severities: Annotated[list[Annotated[StrictInt, Field(ge=0, le=3)]], Field(max_length=4)]


class Vendors(ApiOutput):
    """The names of vendors."""

    names: list[str]


class VendorsInput(ApiInput):
    """The names of vendors, all of them."""

    names: Annotated[
        list[Annotated[Text, Field(max_length=200)]], Field(max_length=vendor_settings.MAX_VENDORS)
    ]


def _rule(rule: ApprovalRule) -> ApprovalRuleShown:
    return ApprovalRuleShown(
        id=rule.id,
        occasions=sorted(rule.occasions),
        severities=sorted(rule.severities),
        roles=list(rule.roles),
        silence=rule.silence,
        minutes=rule.minutes,
        enabled=rule.enabled,
    )


@router.get("/comms/approval-rules", summary="List approval rules")
async def list_approval_rules(w: Reader) -> list[ApprovalRuleShown]:
    return [_rule(rule) for rule in await approval_settings.approval_rules(w.tx)]


@router.put(
    "/comms/approval-rules/{approval_rule}", summary="Change an approval rule", responses=problems(404)
)
async def change_approval_rule(w: Manager, approval_rule: Text, body: ApprovalRuleInput) -> ApprovalRuleShown:
    return _rule(
        await approval_settings.change_approval_rule(
            w.tx,
            w.actor,
            approval_rule,
            w.now,
            enabled=body.enabled,
            roles=body.roles,
            silence=body.silence,
            minutes=body.minutes,
            severities=body.severities,
        )
    )


@router.get("/comms/vendors", summary="List the names of vendors")
async def list_vendors(w: Reader) -> Vendors:
    return Vendors(names=await tone_queries.vendors(w.tx))


@router.put("/comms/vendors", summary="Replace the names of vendors")
async def set_vendors(w: Manager, body: VendorsInput) -> Vendors:
    return Vendors(names=await vendor_settings.set_vendors(w.tx, w.actor, body.names, w.now))
