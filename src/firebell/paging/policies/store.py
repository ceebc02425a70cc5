"""The SQL of escalation policies."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.db.database import Reads, Row, Tx
from firebell.paging.level_conditions import PageKind
from firebell.paging.model import Plan, Policy, levels_from_json
from firebell.paging.policies.effect import PastPage

_POLICY = "id, name, slug, team_id, version, levels, repeat, ack_timeout_s, tz"


def _policy(row: Row | dict[str, Any]) -> Policy:
    values = dict(row)
    return Policy(**{**values, "levels": levels_from_json(values["levels"])})


async def insert_policy(
    tx: Tx, name: str, slug: str, team_id: int, plan: Plan, now: datetime
) -> Policy | None:
    """Insert a policy; return None if its slug is taken."""
    row = await tx.row(
        f"""
        insert into policy (name, slug, team_id, levels, repeat, ack_timeout_s, tz, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (slug) do nothing
        returning {_POLICY}
        """,
        name,
        slug,
        team_id,
        plan.to_json()["levels"],
        plan.repeat,
        plan.ack_timeout_s,
        plan.tz,
        now,
    )
    return _policy(row) if row else None


async def update_policy(tx: Tx, policy_id: int, plan: Plan, version: int) -> Policy | None:
    """Store the plan as the version after `version`; return None if that is no longer the current one."""
    row = await tx.row(
        f"""
        update policy
        set levels = $3, repeat = $4, ack_timeout_s = $5, tz = $6, version = version + 1
        where id = $1
            and version = $2
        returning {_POLICY}
        """,
        policy_id,
        version,
        plan.to_json()["levels"],
        plan.repeat,
        plan.ack_timeout_s,
        plan.tz,
    )
    return _policy(row) if row else None


async def rename_policy(tx: Tx, policy_id: int, name: str) -> Policy | None:
    """Rename a policy; return None if another one has the name, in whatever case. Its slug and version stay."""
    row = await tx.row(
        f"""
        update policy
        set name = $2
        where id = $1
            and not exists (
                select
                from policy other
                where other.id <> $1
                    and lower(other.name) = lower($2)
            )
        returning {_POLICY}
        """,
        policy_id,
        name,
    )
    return _policy(row) if row else None


async def policies(tx: Tx) -> list[Policy]:
    """Return every policy by name."""
    rows = await tx.fetch(
        f"""
        select {_POLICY}
        from policy
        order by name, id
        """
    )
    return [_policy(row) for row in rows]


async def policies_by_id(tx: Tx, ids: Sequence[int]) -> dict[int, Policy]:
    rows = await tx.fetch(
        f"""
        select {_POLICY}
        from policy
        where id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"]: _policy(row) for row in rows}


async def hold_policies(tx: Tx, ids: Sequence[int]) -> dict[int, Policy]:
    """Return policies, locked so that none gets a new version or is deleted before this transaction ends."""
    rows = await tx.fetch(
        f"""
        select {_POLICY}
        from policy
        where id = any($1::bigint[])
        order by id
        for key share
        """,
        list(ids),
    )
    return {row["id"]: _policy(row) for row in rows}


async def hold_service_policies(tx: Tx, service_ids: Sequence[int]) -> dict[int, tuple[int, Policy | None]]:
    """Return the owning team and the policy of each service, the policies locked as by `hold_policies`."""
    rows = await tx.fetch(
        f"""
        with held as (
            select {_POLICY}
            from policy
            where id in (
                select policy_id
                from service
                where service.id = any($1::bigint[])
            )
            order by id
            for key share
        )
        select service.id as service_id, service.team_id as owner_id, held.*
        from service
        left join held on held.id = service.policy_id
        where service.id = any($1::bigint[])
        """,
        list(service_ids),
    )
    return {
        service_id: (owner_id, _policy(values) if values["id"] else None)
        for service_id, owner_id, values in map(_split, rows)
    }


def _split(row: Row) -> tuple[int, int, dict[str, Any]]:
    values = dict(row)
    return values.pop("service_id"), values.pop("owner_id"), values


async def policy_by_slug(tx: Tx, slug: str) -> Policy | None:
    row = await tx.row(
        f"""
        select {_POLICY}
        from policy
        where slug = $1
        """,
        slug,
    )
    return _policy(row) if row else None


async def lock_policy(tx: Tx, policy_id: int) -> Policy | None:
    """Lock a policy and return it, None if there is none; until the transaction ends, no page begins to use it."""
    row = await tx.row(
        f"""
        select {_POLICY}
        from policy
        where id = $1
        for update
        """,
        policy_id,
    )
    return _policy(row) if row else None


async def open_page_ids(tx: Tx, policy_id: int) -> list[int]:
    """Return the open pages that use a policy."""
    rows = await tx.fetch(
        """
        select id
        from page
        where policy_id = $1
            and state not in ('resolved', 'merged')
        order by id
        """,
        policy_id,
    )
    return [row["id"] for row in rows]


async def past_pages(tx: Reads, policy_id: int, since: datetime, now: datetime, limit: int) -> list[PastPage]:
    """Return the newest pages of a policy, each with how long it waited: for an acknowledgment, or else for its end.

    Only pages that began since an instant count, and none that were merged into others.
    """
    rows = await tx.fetch(
        """
        select triggered_at, least(first_ack_at, resolved_at, $3) as ended_at, urgency, severity
        from (
            select triggered_at, first_ack_at, resolved_at, urgency, severity, state
            from page
            where policy_id = $1
            order by id desc
            limit $4
        ) latest
        where triggered_at >= $2
            and state <> 'merged'
        """,
        policy_id,
        since,
        now,
        limit,
    )
    return [
        PastPage(
            row["triggered_at"],
            max(row["ended_at"] - row["triggered_at"], timedelta()),
            PageKind(row["urgency"], row["severity"]),
        )
        for row in rows
    ]


async def delete_policy(tx: Tx, policy_id: int) -> None:
    """Delete a policy that no service has; its resolved pages stay without one."""
    await tx.execute(
        """
        with locked as materialized (
            select id
            from page
            where policy_id = $1
            order by id
            for update
        )
        update page
        set policy_id = null
        from locked
        where page.id = locked.id
        """,
        policy_id,
    )
    await tx.execute("delete from policy where id = $1", policy_id)


async def restore_policy(tx: Tx, policy: Policy, now: datetime) -> Policy | None:
    """Insert a deleted policy under its old id; return None if its slug or id is taken."""
    row = await tx.row(
        f"""
        insert into policy (id, name, slug, team_id, levels, repeat, ack_timeout_s, tz, version, created_at)
        overriding system value
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict do nothing
        returning {_POLICY}
        """,
        policy.id,
        policy.name,
        policy.slug,
        policy.team_id,
        policy.plan.to_json()["levels"],
        policy.repeat,
        policy.ack_timeout_s,
        policy.tz,
        policy.version,
        now,
    )
    return _policy(row) if row else None
