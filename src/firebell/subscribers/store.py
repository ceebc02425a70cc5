"""The SQL of subscribers, and of addresses that are never written to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.db import org_settings
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.secret_encryption import Sealer
from firebell.subscribers.model import (
    BroadcastKind,
    FollowScope,
    StatusSubscriber,
    SubscriberChannel,
    SubscriberState,
    SubscriptionRequest,
)

COLUMNS = (
    "id, status_page_id, channel, address, contact, state, follows_all, component_ids, group_ids, kinds,"
    " min_impact, link_generation, confirm_generation, confirm_until, created_at, confirmed_at, ended_at,"
    " failure, failing_since, consent_network, consent_text, locale, confirm_attempts"
)
_CHANGEABLE = {
    *(
        "state",
        "contact",
        "link_generation",
        "confirm_generation",
        "confirm_until",
        "confirmed_at",
        "ended_at",
    ),
    *("failure", "failing_since", "consent_network", "consent_text", "secret", "previous_secret"),
    *("previous_until", "address", "address_key", "host", "erased_at", "created_at", "locale"),
    "confirm_attempts",
}


def scope_of(row: Row) -> FollowScope:
    """Return the scope in a row of a subscriber."""
    return FollowScope(
        row["follows_all"],
        frozenset(row["component_ids"]),
        frozenset(row["group_ids"]),
        frozenset(map(BroadcastKind, row["kinds"])),
        row["min_impact"],
    )


def subscriber_of(row: Row) -> StatusSubscriber:
    """Return the subscriber of a row with `COLUMNS`."""
    return StatusSubscriber(
        row["id"],
        row["status_page_id"],
        SubscriberChannel(row["channel"]),
        row["address"],
        row["contact"],
        SubscriberState(row["state"]),
        scope_of(row),
        *(row["link_generation"], row["confirm_generation"], row["confirm_until"]),
        *(row["created_at"], row["confirmed_at"], row["ended_at"]),
        *(row["failure"], row["failing_since"], row["consent_network"], row["consent_text"]),
        row["locale"],
        row["confirm_attempts"],
    )


async def sealer(tx: Tx) -> Sealer:
    """Return what seals the signing secrets of webhooks."""
    return Sealer(await org_settings.installation_secret(tx), "subscriber.webhook")


async def suppress(tx: Tx, address_hash: bytes, now: datetime) -> None:
    """Never write to an address again. Idempotent."""
    await tx.execute(
        """
        insert into subscriber_suppression (address_hash, at)
        values ($1, $2)
        on conflict do nothing
        """,
        address_hash,
        now,
    )


async def suppressed(tx: Tx, address_hashes: Sequence[bytes]) -> set[bytes]:
    """Return which of these addresses are never written to."""
    rows = await tx.fetch(
        "select address_hash from subscriber_suppression where address_hash = any($1::bytea[])",
        list(address_hashes),
    )
    return {row["address_hash"] for row in rows}


async def unsuppress(tx: Tx, address_hash: bytes) -> None:
    """Let an address be written to again, because its owner asked for it. Idempotent."""
    await tx.execute("delete from subscriber_suppression where address_hash = $1", address_hash)


async def lock_by_number(tx: Tx, number: str) -> list[StatusSubscriber]:
    """Lock the subscribers with a phone number, on all status pages, in the order of their ids."""
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from subscriber
        where channel = 'sms'
            and address_key = $1
            and address <> ''
        order by id
        for update
        """,
        number,
    )
    return [subscriber_of(row) for row in rows]


async def insert_subscriber(
    tx: Tx, page_id: int, request: SubscriptionRequest, key: str, host: str, now: datetime
) -> StatusSubscriber | None:
    """Insert a pending subscriber and return it, None if the address has one on this status page."""
    scope = request.scope
    row = await tx.row(
        f"""
        insert into subscriber (
            status_page_id, channel, address, address_key, host, contact, state, follows_all, component_ids,
            group_ids, kinds, min_impact, created_at, locale
        )
        values ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9, $10, $11, $12, $13)
        on conflict (status_page_id, channel, address_key) where address <> '' do nothing
        returning {COLUMNS}
        """,
        page_id,
        request.channel,
        request.address,
        key,
        host,
        request.contact,
        *(scope.follows_all, sorted(scope.component_ids), sorted(scope.group_ids), sorted(scope.kinds)),
        scope.min_impact,
        now,
        request.locale,
    )
    return subscriber_of(row) if row else None


async def lock_by_key(tx: Tx, page_id: int, channel: SubscriberChannel, key: str) -> StatusSubscriber | None:
    """Lock the subscriber with an address on a status page, None if there is none."""
    row = await tx.row(
        f"""
        select {COLUMNS}
        from subscriber
        where status_page_id = $1
            and channel = $2
            and address_key = $3
            and address <> ''
        for update
        """,
        page_id,
        channel,
        key,
    )
    return subscriber_of(row) if row else None


async def known_keys(
    tx: Tx, page_id: int, channel: SubscriberChannel, keys: Sequence[str]
) -> dict[str, SubscriberState]:
    """Return the states of the subscribers with these addresses."""
    rows = await tx.fetch(
        """
        select address_key, state
        from subscriber
        where status_page_id = $1
            and channel = $2
            and address_key = any($3::text[])
            and address <> ''
        """,
        page_id,
        channel,
        list(keys),
    )
    return {row["address_key"]: SubscriberState(row["state"]) for row in rows}


async def by_id(tx: Reads, subscriber_id: int) -> StatusSubscriber | None:
    """Return a subscriber, None if there is none."""
    row = await tx.row(f"select {COLUMNS} from subscriber where id = $1", subscriber_id)
    return subscriber_of(row) if row else None


async def lock(tx: Tx, subscriber_id: int) -> StatusSubscriber | None:
    """Lock a subscriber and return it, None if there is none."""
    row = await tx.row(f"select {COLUMNS} from subscriber where id = $1 for update", subscriber_id)
    return subscriber_of(row) if row else None


async def lock_many(tx: Tx, ids: Sequence[int]) -> None:
    """Lock subscribers in the order of their ids."""
    await tx.fetch("select id from subscriber where id = any($1::bigint[]) order by id for update", list(ids))


async def change(tx: Tx, subscriber_id: int, **changes: Any) -> StatusSubscriber:
    """Update the named columns of a subscriber and return it."""
    assert set(changes) <= _CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    row = await tx.row(
        f"update subscriber set {assignments} where id = $1 returning {COLUMNS}",
        subscriber_id,
        *changes.values(),
    )
    assert row
    return subscriber_of(row)


async def set_scope(tx: Tx, subscriber_id: int, scope: FollowScope) -> StatusSubscriber:
    """Replace what a subscriber follows."""
    row = await tx.row(
        f"""
        update subscriber
        set follows_all = $2, component_ids = $3, group_ids = $4, kinds = $5, min_impact = $6
        where id = $1
        returning {COLUMNS}
        """,
        subscriber_id,
        *(scope.follows_all, sorted(scope.component_ids), sorted(scope.group_ids), sorted(scope.kinds)),
        scope.min_impact,
    )
    assert row
    return subscriber_of(row)


async def replace_group(tx: Tx, page_id: int, group_id: int, component_ids: Sequence[int]) -> None:
    """Put components in the place of a group in what subscribers of a status page follow.

    Someone who would follow nothing then, because the group was empty, follows everything.
    """
    await tx.execute(
        """
        update subscriber
        set group_ids = array_remove(group_ids, $2),
            component_ids = array(select distinct unnest(component_ids || $3::bigint[])),
            follows_all = follows_all
                or cardinality(array_remove(group_ids, $2)) + cardinality(component_ids || $3::bigint[]) = 0
        where status_page_id = $1
            and $2 = any(group_ids)
        """,
        page_id,
        group_id,
        list(component_ids),
    )


@dataclass(frozen=True, slots=True)
class ActiveSubscriber:
    """An active subscriber in the order of ids, and what it follows."""

    id: int
    channel: SubscriberChannel
    host: str
    scope: FollowScope


async def candidates(
    tx: Tx, page_id: int, after: int, confirmed_by: datetime, limit: int, *, only_webhooks: bool
) -> list[ActiveSubscriber]:
    """Return the next active subscribers of a status page that had confirmed by an instant, by id."""
    rows = await tx.fetch(
        f"""
        select id, channel, host, follows_all, component_ids, group_ids, kinds, min_impact
        from subscriber
        where status_page_id = $1
            and state = 'active'
            and id > $2
            and confirmed_at <= $3
            {"and channel = 'webhook'" if only_webhooks else ""}
        order by id
        limit $4
        """,
        page_id,
        after,
        confirmed_by,
        limit,
    )
    return [
        ActiveSubscriber(row["id"], SubscriberChannel(row["channel"]), row["host"], scope_of(row))
        for row in rows
    ]


async def has_webhooks(tx: Reads, page_id: int) -> bool:
    """Return True if a webhook gets what a status page publishes."""
    return bool(
        await tx.value(
            """
            select exists (
                select
                from subscriber
                where status_page_id = $1
                    and state = 'active'
                    and channel = 'webhook'
            )
            """,
            page_id,
        )
    )


async def expire_quarantined(tx: Tx, before: datetime, now: datetime) -> None:
    """End the subscriptions that were stopped before an instant and not confirmed again."""
    await tx.execute(
        """
        update subscriber
        set state = 'ended', ended_at = $2
        where state = 'quarantined'
            and ended_at < $1
        """,
        before,
        now,
    )


PREVIOUS_SECRET_PERIOD = timedelta(hours=24)
"""How long a webhook is signed with its earlier secret too."""


async def replace_secret(tx: Tx, subscriber_id: int, sealed: bytes, now: datetime) -> None:
    """Replace the signing secret of a webhook; the earlier one signs too for 24 hours."""
    await tx.execute(
        """
        update subscriber
        set previous_secret = secret, previous_until = $3, secret = $2
        where id = $1
        """,
        subscriber_id,
        sealed,
        now + PREVIOUS_SECRET_PERIOD,
    )


@dataclass(frozen=True, slots=True)
class SubscriberFilter:
    """Which subscribers of a status page to list; an empty value filters nothing."""

    query: str = ""
    channel: str = ""
    state: str = ""
    component_id: int | None = None


async def listed(
    tx: Reads, page_id: int, wanted: SubscriberFilter, limit: int, before: int | None = None
) -> list[StatusSubscriber]:
    """Return subscribers of a status page, newest first, with ids below `before`; erased ones are not listed."""
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from subscriber
        where status_page_id = $1
            and state <> 'erased'
            and ($2 = '' or strpos(lower(address), lower($2)) > 0)
            and ($3 = '' or channel = $3)
            and ($4 = '' or state = $4)
            and ($5::bigint is null or follows_all or $5 = any(component_ids))
            and ($6::bigint is null or id < $6)
        order by id desc
        limit $7
        """,
        page_id,
        wanted.query,
        wanted.channel,
        wanted.state,
        wanted.component_id,
        before,
        limit,
    )
    return [subscriber_of(row) for row in rows]


async def counts(tx: Reads, page_id: int, since: datetime) -> tuple[dict[SubscriberState, int], int]:
    """Return how many subscribers are in each state, and how many of the active ones confirmed since an instant."""
    rows = await tx.fetch(
        """
        select state, count(*) as subscribers, count(*) filter (where confirmed_at >= $2) as new
        from subscriber
        where status_page_id = $1
        group by state
        """,
        page_id,
        since,
    )
    by_state = {SubscriberState(row["state"]): row["subscribers"] for row in rows}
    return by_state, sum(row["new"] for row in rows if row["state"] == SubscriberState.ACTIVE)


async def failing_hooks(tx: Reads, page_id: int) -> list[StatusSubscriber]:
    """Return the active webhooks that fail, the longest failing first."""
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from subscriber
        where status_page_id = $1
            and state = 'active'
            and failing_since is not null
        order by failing_since
        limit 20
        """,
        page_id,
    )
    return [subscriber_of(row) for row in rows]


async def forget_reasons(tx: Tx, subscriber_id: int) -> None:
    """Forget what mail servers said about an erased subscriber: it can repeat the address."""
    await tx.execute("update mail_event set reason = '' where subscriber_id = $1", subscriber_id)
