"""The SQL of endpoints, their sealed secrets and their health."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db import org_settings
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.secret_encryption import Sealer
from firebell.webhooks.circuit import Health
from firebell.webhooks.model import DeliveryCounts, Endpoint, EndpointSettings, EndpointState

_COLUMNS = """
    id, name, url, types, team_ids, service_ids, is_private, state, state_reason, previous_until, failures,
    failing_since, resting_until, last_success_at, created_at, created_by
"""


def _endpoint(row: Row) -> Endpoint:
    return Endpoint(
        id=row["id"],
        settings=EndpointSettings(
            name=row["name"],
            url=row["url"],
            types=tuple(row["types"]),
            team_ids=tuple(row["team_ids"]),
            service_ids=tuple(row["service_ids"]),
            is_private=row["is_private"],
        ),
        state=EndpointState(row["state"]),
        **{
            name: row[name]
            for name in (
                *("state_reason", "previous_until", "failures", "failing_since", "resting_until"),
                *("last_success_at", "created_at", "created_by"),
            )
        },
    )


async def sealer(tx: Tx) -> Sealer:
    """Return what seals the signing secrets."""
    return Sealer(await org_settings.installation_secret(tx), "webhook.secret")


def seal_context(endpoint_id: int) -> str:
    """Return what the secrets of an endpoint are sealed for."""
    return f"endpoint/{endpoint_id}"


async def endpoints(tx: Reads) -> list[Endpoint]:
    """Return all endpoints by name."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from webhook_endpoint
        where deleted_at is null
        order by lower(name)
        """
    )
    return [_endpoint(row) for row in rows]


async def endpoint(tx: Reads, endpoint_id: int, *, lock: bool = False) -> Endpoint | None:
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from webhook_endpoint
        where id = $1
            and deleted_at is null
        {"for update" if lock else ""}
        """,
        endpoint_id,
    )
    return _endpoint(row) if row else None


async def count(tx: Tx) -> int:
    """Lock the list of endpoints against others that add one, and return how many there are."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('webhook_endpoint', 0))")
    number: int = await tx.value("select count(*) from webhook_endpoint where deleted_at is null")
    return number


async def insert(tx: Tx, settings: EndpointSettings, created_by: str, now: datetime) -> int | None:
    """Add an endpoint without a secret and return its id; None if its name is taken."""
    endpoint_id: int | None = await tx.value(
        """
        insert into webhook_endpoint (
            name, url, types, team_ids, service_ids, is_private, secret, created_at, created_by
        )
        values ($1, $2, $3, $4, $5, $6, '', $7, $8)
        on conflict (lower(name)) where deleted_at is null do nothing
        returning id
        """,
        *_values(settings),
        now,
        created_by,
    )
    return endpoint_id


async def update(tx: Tx, endpoint_id: int, settings: EndpointSettings) -> None:
    """Change what an endpoint gets and where; at another address it has failed at nothing yet."""
    await tx.execute(
        """
        update webhook_endpoint
        set name = $2,
            url = $3,
            types = $4,
            team_ids = $5,
            service_ids = $6,
            is_private = $7,
            failures = case when url = $3 then failures else 0 end,
            failing_since = case when url = $3 then failing_since end,
            resting_until = case when url = $3 then resting_until end
        where id = $1
        """,
        endpoint_id,
        *_values(settings),
    )


def _values(settings: EndpointSettings) -> tuple[object, ...]:
    return (
        *(settings.name, settings.url, list(settings.types), list(settings.team_ids)),
        *(list(settings.service_ids), settings.is_private),
    )


async def is_name_taken(tx: Tx, name: str, except_id: int) -> bool:
    """Return True if another endpoint has a name, in any case."""
    return bool(
        await tx.value(
            """
            select exists (
                select
                from webhook_endpoint
                where lower(name) = lower($1)
                    and id <> $2
                    and deleted_at is null
            )
            """,
            name,
            except_id,
        )
    )


async def set_secret(tx: Tx, endpoint_id: int, sealed: bytes, previous_until: datetime | None) -> None:
    """Replace the secret; with an instant, the old one signs as well until then."""
    await tx.execute(
        """
        update webhook_endpoint
        set previous_secret = case when $3::timestamptz is not null then secret end,
            previous_until = $3,
            secret = $2
        where id = $1
        """,
        endpoint_id,
        sealed,
        previous_until,
    )


async def secret(tx: Tx, endpoint_id: int) -> bytes:
    """Return the sealed secret in force."""
    sealed: bytes = await tx.value("select secret from webhook_endpoint where id = $1", endpoint_id)
    return sealed


async def set_state(tx: Tx, endpoint_id: int, state: EndpointState, reason: str = "") -> None:
    """Set the state; an endpoint that becomes active has failed at nothing yet."""
    await tx.execute(
        """
        update webhook_endpoint
        set state = $2,
            state_reason = $3,
            failures = case when $2 = 'active' then 0 else failures end,
            failing_since = case when $2 = 'active' then null else failing_since end,
            resting_until = null
        where id = $1
        """,
        endpoint_id,
        state,
        reason,
    )


async def set_health(tx: Tx, endpoint_id: int, health: Health, last_success_at: datetime | None) -> None:
    await tx.execute(
        """
        update webhook_endpoint
        set failures = $2,
            failing_since = $3,
            resting_until = $4,
            last_success_at = coalesce($5, last_success_at)
        where id = $1
        """,
        endpoint_id,
        health.failures,
        health.failing_since,
        health.resting_until,
        last_success_at,
    )


async def delete(tx: Tx, endpoint_id: int, now: datetime) -> None:
    """Delete an endpoint for everyone, and forget its secrets; its log can be long, and is deleted in batches."""
    await tx.execute(
        """
        update webhook_endpoint
        set deleted_at = $2, state = 'paused', secret = '', previous_secret = null, previous_until = null
        where id = $1
        """,
        endpoint_id,
        now,
    )


async def delete_log(tx: Tx, limit: int) -> int:
    """Delete deliveries of a deleted endpoint, at last the endpoint; return how many rows there were of both."""
    endpoint_id: int | None = await tx.value(
        """
        select id
        from webhook_endpoint
        where deleted_at is not null
        limit 1
        for update skip locked
        """
    )
    if endpoint_id is None:
        return 0
    deleted = await tx.changed(
        """
        delete from webhook_delivery
        where id in (
            select id
            from webhook_delivery
            where endpoint_id = $1
            order by id
            limit $2
        )
        """,
        endpoint_id,
        limit,
    )
    if deleted < limit:
        deleted += await tx.changed("delete from webhook_endpoint where id = $1", endpoint_id)
    return deleted


async def delivery_counts(tx: Reads, ids: Sequence[int], since: datetime) -> dict[int, DeliveryCounts]:
    """Return how many deliveries of each endpoint wait, and how many ended since an instant."""
    rows = await tx.fetch(
        """
        select endpoint.id, waiting.waiting, waiting.oldest_waiting_at, ended.delivered, ended.failed
        from unnest($1::bigint[]) endpoint (id)
        cross join lateral (
            select count(*) as waiting, min(created_at) as oldest_waiting_at
            from webhook_delivery
            where endpoint_id = endpoint.id
                and state in ('queued', 'claimed')
        ) waiting
        cross join lateral (
            select
                count(*) filter (where state = 'delivered') as delivered,
                count(*) filter (where state = 'failed') as failed
            from webhook_delivery
            where endpoint_id = endpoint.id
                and ended_at >= $2
        ) ended
        """,
        list(ids),
        since,
    )
    return {
        row["id"]: DeliveryCounts(row["waiting"], row["delivered"], row["failed"], row["oldest_waiting_at"])
        for row in rows
    }
