"""What text messages and calls cost, over JSON."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, PathId, StrictInt, Text, problems
from firebell.notify.hourly_limits import actions as hourly_limit_actions
from firebell.notify.hourly_limits import allowance_actions
from firebell.notify.hourly_limits.rules import AllowedKind, CodeAllowance, LimitScope, ScopeKind
from firebell.notify.usage import queries as usage_queries
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("organization", "/phone-usage")


class UsageShown(ApiOutput):
    """The messages of 30 days by one provider to one country."""

    provider: str
    country: Annotated[str, Field(description="an ISO code; empty if it is not known")]
    messages: int
    parts: Annotated[int, Field(description="segments of text messages, and calls")]
    failed: int
    price: Annotated[Decimal | None, Field(description="of the messages whose price is known")]
    currency: str


class ChannelUsageShown(ApiOutput):
    """A channel that costs money."""

    kind: str
    label: str
    off_text: Annotated[
        str, Field(description="what to set if nothing is sent with it; empty if it is set up")
    ]
    daily_limit: Annotated[int, Field(description="parts in 24 hours; 0 is no limit")]
    daily_parts: Annotated[int, Field(description="parts of the last 24 hours")]
    usage: list[UsageShown]


class StopShown(ApiOutput):
    """An hourly limit that is reached: no more codes and tests are sent, pages are."""

    scope: Annotated[ScopeKind, Field(description="what the limit counts")]
    value: Annotated[
        str, Field(description="the ISO code of the country, the first digits, or the id of the person")
    ]
    limit: int
    sent: Annotated[int, Field(description="codes and tests of the last hour")]
    text: str


class CodeAllowanceShown(ApiOutput):
    """Codes and tests that are sent beyond their hourly limit until it expires."""

    id: int
    scope: AllowedKind
    value: Annotated[
        str, Field(description="the ISO code of the country, the first digits, or the id of the person")
    ]
    text: str
    created_at: datetime
    created_by: str
    expires_at: datetime


class NewCodeAllowance(ApiInput):
    """Stopped codes and tests to allow for some hours; `scope` and `value` are those of the stop."""

    scope: Annotated[AllowedKind, Field(examples=["range"])]
    value: Annotated[Text, Field(min_length=1, max_length=40, examples=["+4915123"])]
    hours: Annotated[StrictInt, Field(ge=1, le=allowance_actions.MAX_HOURS)] = allowance_actions.DEFAULT_HOURS


def _allowance(allowance: CodeAllowance) -> CodeAllowanceShown:
    own = ("id", "text", "created_at", "created_by", "expires_at")
    scope = {"scope": allowance.scope.kind, "value": allowance.scope.value}
    return CodeAllowanceShown.model_validate({**scope, **{name: getattr(allowance, name) for name in own}})


@router.get("/allowances", summary="List what is allowed beyond the hourly limits of codes and tests")
async def list_code_allowances(w: Annotated[Work, work(Verb.PHONE_USAGE_READ)]) -> list[CodeAllowanceShown]:
    return [_allowance(each) for each in await usage_queries.allowances(w.tx, w.now)]


@router.post(
    "/allowances", status_code=201, summary="Allow codes and tests that are stopped", responses=problems(409)
)
async def allow_codes(
    w: Annotated[Work, work(Verb.PHONE_USAGE_WRITE)], body: NewCodeAllowance
) -> CodeAllowanceShown:
    scope = LimitScope(body.scope, body.value)
    return _allowance(await allowance_actions.allow(w.tx, w.actor, scope, w.now, hours=body.hours))


@router.delete(
    "/allowances/{allowance_id}", status_code=204, summary="End an allowance", responses=problems(404)
)
async def end_code_allowance(w: Annotated[Work, work(Verb.PHONE_USAGE_WRITE)], allowance_id: PathId) -> None:
    await allowance_actions.end_allowance(w.tx, w.actor, allowance_id, w.now)


@router.get("/stops", summary="List the countries, numbers and people to which codes and tests are stopped")
async def list_phone_stops(w: Annotated[Work, work(Verb.PHONE_USAGE_READ)]) -> list[StopShown]:
    return [
        StopShown(
            scope=stop.scope.kind, value=stop.scope.value, limit=stop.limit, sent=stop.sent, text=stop.text
        )
        for stop in await hourly_limit_actions.reached_limits(w.tx, w.now)
    ]


@router.get("", summary="List what text messages and calls cost: the last 24 hours, and 30 days by provider")
async def list_phone_usage(
    w: Annotated[Work, work(Verb.PHONE_USAGE_READ)],
) -> list[ChannelUsageShown]:
    usages = await usage_queries.channel_usages(w.tx, w.ctx.channel_settings, w.now)
    return [ChannelUsageShown.model_validate(usage) for usage in usages]
