"""The SQL of requests to subscribe, and of how often an address was asked to confirm one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Reads, Tx
from firebell.subscribers.model import (
    BroadcastKind,
    FollowScope,
    SubscriberChannel,
    SubscriptionRequest,
)
from firebell.subscribers.subscription_rules import CONFIRM_WINDOW, DOMAIN_WINDOW, PAGE_WINDOW, RecentMails

MAX_WAITING_REQUESTS = 10_000
"""Requests that wait for the worker; more are dropped, so that a flood fills no disk."""


async def insert_request(tx: Tx, page_id: int, request: SubscriptionRequest, now: datetime) -> None:
    """Store a request to subscribe for the worker, unless too many wait."""
    await tx.execute(
        """
        insert into subscription_request (status_page_id, request, at, due_at)
        select $1, $2, $3, $3
        where (
            select count(*)
            from (select from subscription_request limit $4) waiting
        ) < $4
        """,
        page_id,
        _request_json(request),
        now,
        MAX_WAITING_REQUESTS,
    )


async def insert_requests(
    tx: Tx, page_id: int, requests: Sequence[SubscriptionRequest], now: datetime
) -> None:
    """Store the requests of a manager."""
    await tx.execute(
        """
        insert into subscription_request (status_page_id, request, at, due_at)
        select $1, request, $3, $3
        from unnest($2::jsonb[]) requests (request)
        """,
        page_id,
        [_request_json(each) for each in requests],
        now,
    )


def _request_json(request: SubscriptionRequest) -> dict[str, Any]:
    scope = request.scope
    return {
        "channel": request.channel,
        "address": request.address,
        "contact": request.contact,
        "network": request.network,
        "is_trusted": request.is_trusted,
        "locale": request.locale,
        "follows_all": scope.follows_all,
        "component_ids": sorted(scope.component_ids),
        "group_ids": sorted(scope.group_ids),
        "kinds": sorted(scope.kinds),
        "min_impact": scope.min_impact,
    }


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A request that waits for the worker."""

    id: int
    status_page_id: int
    request: SubscriptionRequest


async def claim_requests(tx: Tx, now: datetime, limit: int) -> list[StoredRequest]:
    """Lock the oldest requests that are due."""
    rows = await tx.fetch(
        """
        select id, status_page_id, request
        from subscription_request
        where due_at <= $1
        order by due_at, id
        limit $2
        for update skip locked
        """,
        now,
        limit,
    )
    return [StoredRequest(row["id"], row["status_page_id"], _request(row["request"])) for row in rows]


def _request(value: dict[str, Any]) -> SubscriptionRequest:
    scope = FollowScope(
        value["follows_all"],
        frozenset(value["component_ids"]),
        frozenset(value["group_ids"]),
        frozenset(map(BroadcastKind, value["kinds"])),
        value["min_impact"],
    )
    return SubscriptionRequest(
        *(SubscriberChannel(value["channel"]), value["address"], scope, value["contact"], value["network"]),
        is_trusted=value["is_trusted"],
        # a process of the previous version stored none
        locale=value.get("locale", ""),
    )


async def replace_group(tx: Tx, page_id: int, group_id: int, component_ids: Sequence[int]) -> None:
    """Put components in the place of a group in what waiting requests of a status page ask for.

    A request that would ask for nothing then, because the group was empty, asks for everything.
    """
    await tx.execute(
        """
        update subscription_request
        set request = request || jsonb_build_object(
            'group_ids',
            (
                select coalesce(jsonb_agg(value), '[]')
                from jsonb_array_elements(request -> 'group_ids')
                where value <> to_jsonb($2::bigint)
            ),
            'component_ids',
            (request -> 'component_ids') || to_jsonb($3::bigint[]),
            'follows_all',
            (request -> 'follows_all')::boolean
                or jsonb_array_length(request -> 'group_ids')
                    + jsonb_array_length((request -> 'component_ids') || to_jsonb($3::bigint[])) = 1
        )
        where status_page_id = $1
            and request -> 'group_ids' @> to_jsonb($2::bigint)
        """,
        page_id,
        group_id,
        list(component_ids),
    )


async def finish_requests(tx: Tx, ids: Sequence[int]) -> None:
    """Delete requests that were worked on."""
    await tx.execute("delete from subscription_request where id = any($1::bigint[])", list(ids))


async def delay_requests(tx: Tx, ids: Sequence[int], until: datetime) -> None:
    """Keep requests that are above the limit of a status page."""
    await tx.execute(
        "update subscription_request set due_at = $2 where id = any($1::bigint[])", list(ids), until
    )


async def waiting_requests(tx: Reads, page_id: int, now: datetime) -> int:
    """Return how many requests of a status page are above its limit."""
    count = await tx.value(
        "select count(*) from subscription_request where status_page_id = $1 and due_at > $2", page_id, now
    )
    assert isinstance(count, int)
    return count


async def recent_mails(
    tx: Tx, address_hash: bytes, domain: str, page_id: int, purpose: str, now: datetime
) -> RecentMails:
    """Return how often an address, its domain and a status page had mails that confirm something recently."""
    address = await tx.fetch(
        "select at from subscription_mail where address_hash = $1 and purpose = $2 and at > $3",
        address_hash,
        purpose,
        now - CONFIRM_WINDOW,
    )
    row = await tx.row(
        """
        select
            (select count(*) from subscription_mail where domain = $1 and at > $3) as domain,
            (select count(*) from subscription_mail where status_page_id = $2 and at > $4) as page
        """,
        domain,
        page_id,
        now - DOMAIN_WINDOW,
        now - PAGE_WINDOW,
    )
    assert row
    return RecentMails([each["at"] for each in address], row["domain"], row["page"])


async def record_mail(
    tx: Tx, address_hash: bytes, domain: str, page_id: int, purpose: str, now: datetime
) -> None:
    """Record that an address is asked to confirm something."""
    await tx.execute(
        """
        insert into subscription_mail (address_hash, domain, status_page_id, purpose, at)
        values ($1, $2, $3, $4, $5)
        """,
        address_hash,
        domain,
        page_id,
        purpose,
        now,
    )
