"""The SQL of the versions of escalation policies."""

from datetime import datetime
from typing import Any

from firebell.kit.db.database import Row, Tx
from firebell.kit.db.events import Actor
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.paging.model import Plan, Policy, PolicyVersion, levels_from_json

VERSION_DAYS = 730
"""How long a version is kept after another replaced it; as long as the audit log."""
MAX_LISTED_VERSIONS = 100
_COLUMNS = (
    "version.version, version.levels, version.repeat, version.ack_timeout_s, version.tz,"
    " version.actor, version.at"
)


async def record_version(tx: Tx, policy: Policy, actor: Actor, now: datetime) -> None:
    """Record the current version of a policy, which replaces the one before; idempotent."""
    await tx.execute(
        """
        with replaced as (
            update policy_version
            set replaced_at = $8
            where policy_id = $1
                and version <> $2
                and replaced_at is null
        )
        insert into policy_version (policy_id, version, levels, repeat, ack_timeout_s, actor, actor_id, at, tz)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (policy_id, version) do update
        set replaced_at = null
        """,
        policy.id,
        policy.version,
        policy.plan.to_json()["levels"],
        policy.repeat,
        policy.ack_timeout_s,
        actor.label,
        actor.person_id,
        now,
        policy.tz,
    )


async def end_versions(tx: Tx, policy_id: int, now: datetime) -> None:
    """Mark the versions of a deleted policy as replaced."""
    await tx.execute(
        """
        update policy_version
        set replaced_at = $2
        where policy_id = $1
            and replaced_at is null
        """,
        policy_id,
        now,
    )


def _version(row: Row, name: str) -> PolicyVersion:
    values: dict[str, Any] = dict(row)
    levels = levels_from_json(values["levels"])
    plan = Plan(name, levels, values["repeat"], values["ack_timeout_s"], tz=values["tz"])
    return PolicyVersion(values["version"], plan, values["actor"], values["at"])


async def versions(tx: Tx, policy: Policy) -> list[PolicyVersion]:
    """Return the latest versions of a policy, newest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from policy_version version
        where version.policy_id = $1
        order by version.version desc
        limit $2
        """,
        policy.id,
        MAX_LISTED_VERSIONS,
    )
    return [_version(row, policy.name) for row in rows]


async def version(tx: Tx, policy: Policy, number: int) -> PolicyVersion | None:
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from policy_version version
        where version.policy_id = $1
            and version.version = $2
        """,
        policy.id,
        number,
    )
    return _version(row, policy.name) if row else None


async def _delete_versions(tx: Tx, before: datetime, limit: int) -> int:
    return await tx.changed(
        """
        delete from policy_version
        where (policy_id, version) in (
            select policy_id, version
            from policy_version
            where replaced_at < $1
            order by replaced_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_versions = count_rows(
    """
    select
    from policy_version
    where replaced_at < $1
    limit $2
    """
)

RETENTIONS = (
    Retention(
        "policy_version",
        VERSION_DAYS,
        by_index(_delete_versions),
        label="Replaced versions of escalation policies",
        count=count_versions,
    ),
)
