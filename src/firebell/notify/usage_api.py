"""What text messages and calls cost, over JSON."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput
from firebell.notify import hourly_limit_actions, usage_queries
from firebell.notify.hourly_limits import ScopeKind
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
    value: Annotated[str, Field(description="the country, the first digits, or the id of the person")]
    limit: int
    sent: Annotated[int, Field(description="codes and tests of the last hour")]
    text: str


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
