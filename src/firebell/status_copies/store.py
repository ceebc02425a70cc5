"""The SQL of copies of status pages: their keys, leases, components and rates."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.kit.db import org_settings
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.secret_encryption import Sealer
from firebell.kit.token_bucket import RateBucket
from firebell.status_copies.model import CopyState, Provider, RemoteComponent, StatusCopy
from firebell.status_pages.model import ComponentStatus

_COLUMNS = (
    "id, status_page_id, provider, remote_page_id, key_hint, key_hash, notifies, state, reason, created_at,"
    " check_at, checked_at, last_ok_at, import_page, imported"
)
_CHANGEABLE = {
    *("notifies", "state", "reason", "check_at", "checked_at", "last_ok_at", "import_page", "imported"),
    *("lease_holder", "lease_until"),
}


def _copy(row: Row) -> StatusCopy:
    return StatusCopy(
        **{**dict(row), "provider": Provider(row["provider"]), "state": CopyState(row["state"])}
    )


async def _sealer(tx: Tx) -> Sealer:
    return Sealer(await org_settings.installation_secret(tx), "status_copy.key")


def key_hash(key: str) -> str:
    """Return what tells keys apart without showing them."""
    return hashlib.sha256(b"status_copy " + key.encode()).hexdigest()[:32]


async def insert_copy(
    tx: Tx, page_id: int, provider: Provider, remote_page_id: str, key: str, hint: str, now: datetime
) -> StatusCopy | None:
    """Insert an active copy and return it, None if the remote page is a copy already."""
    sealed = (await _sealer(tx)).seal(key.encode(), f"{provider}/{remote_page_id}")
    row = await tx.row(
        f"""
        insert into status_copy (
            status_page_id, provider, remote_page_id, secret, key_hint, key_hash, state, created_at, check_at
        )
        values ($1, $2, $3, $4, $5, $6, 'active', $7, $7)
        on conflict (provider, remote_page_id) do nothing
        returning {_COLUMNS}
        """,
        page_id,
        provider,
        remote_page_id,
        sealed,
        hint,
        key_hash(key),
        now,
    )
    return _copy(row) if row else None


async def change_key(tx: Tx, copy: StatusCopy, key: str, hint: str) -> None:
    """Replace the key of a copy."""
    sealed = (await _sealer(tx)).seal(key.encode(), f"{copy.provider}/{copy.remote_page_id}")
    await tx.execute(
        """
        update status_copy
        set secret = $2, key_hint = $3, key_hash = $4
        where id = $1
        """,
        copy.id,
        sealed,
        hint,
        key_hash(key),
    )


async def open_key(tx: Tx, copy: StatusCopy) -> str:
    """Return the key of a copy; raise `Invalid` if it cannot be read."""
    sealed = await tx.value("select secret from status_copy where id = $1", copy.id)
    return (await _sealer(tx)).open(sealed, f"{copy.provider}/{copy.remote_page_id}").decode()


async def copies(tx: Reads, page_ids: Sequence[int] | None = None) -> list[StatusCopy]:
    """Return the copies of these status pages, of all by default, in the order in which they were connected."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from status_copy
        where $1::bigint[] is null or status_page_id = any($1)
        order by id
        """,
        None if page_ids is None else list(page_ids),
    )
    return [_copy(row) for row in rows]


async def lock_copy(tx: Tx, copy_id: int) -> StatusCopy | None:
    """Lock a copy and return it, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from status_copy
        where id = $1
        for update
        """,
        copy_id,
    )
    return _copy(row) if row else None


async def change_copy(tx: Tx, copy_id: int, **changes: Any) -> None:
    """Update the named columns of a copy."""
    assert set(changes) <= _CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    await tx.execute(
        f"""
        update status_copy
        set {assignments}
        where id = $1
        """,
        copy_id,
        *changes.values(),
    )


async def delete_copy(tx: Tx, copy_id: int) -> None:
    """Delete a copy with its queue; the remote page stays as it is."""
    await tx.execute("delete from status_copy where id = $1", copy_id)


async def has_copies(tx: Reads) -> bool:
    """Return True if there is a copy."""
    return bool(await tx.value("select exists (select from status_copy)"))


_DUE_AT = """
    least(
        c.check_at,
        case when c.import_page is not null then c.created_at end,
        (
            select min(first.retry_at)
            from (
                select distinct on (s.public_incident_id) s.state, s.retry_at
                from status_copy_step s
                where s.copy_id = c.id
                    and s.state not in ('done', 'skipped')
                order by s.public_incident_id, s.chain_seq
            ) first
            where first.state in ('pending', 'sending', 'unknown')
        )
    )
"""
_RATE_FREE_AT = """
    coalesce((select r.closed_until from status_copy_rate r where r.key_hash = c.key_hash), '-infinity')
"""


async def lease_due(tx: Tx, holder: str, until: datetime, now: datetime, limit: int) -> list[StatusCopy]:
    """Lease active copies of public pages that have work now, and that no other process has leased."""
    rows = await tx.fetch(
        f"""
        update status_copy
        set lease_holder = $1, lease_until = $2
        where id in (
            select c.id
            from status_copy c
            join status_page p on p.id = c.status_page_id
            where c.state = 'active'
                and p.visibility in ('public', 'unlisted')
                and (c.lease_until is null or c.lease_until <= $3)
                and {_RATE_FREE_AT} <= $3
                and {_DUE_AT} <= $3
            order by c.check_at
            limit $4
            for update of c skip locked
        )
        returning {_COLUMNS}
        """,
        holder,
        until,
        now,
        limit,
    )
    return [_copy(row) for row in rows]


async def next_due_at(tx: Reads) -> datetime | None:
    """Return when an active copy of a public page that no process has leased has work next, or None."""
    at = await tx.value(
        f"""
        select min(greatest({_DUE_AT}, {_RATE_FREE_AT}, coalesce(c.lease_until, '-infinity')))
        from status_copy c
        join status_page p on p.id = c.status_page_id
        where c.state = 'active'
            and p.visibility in ('public', 'unlisted')
        """
    )
    return at if isinstance(at, datetime) else None


async def release(tx: Tx, copy_id: int, holder: str) -> None:
    """Give up the lease of a copy."""
    await tx.execute(
        """
        update status_copy
        set lease_holder = null, lease_until = null
        where id = $1
            and lease_holder = $2
        """,
        copy_id,
        holder,
    )


async def lock_rate(tx: Tx, key_hash: str, fresh: RateBucket) -> RateBucket:
    """Lock and return the bucket of a key; a new one is `fresh`."""
    row = await tx.row(
        """
        insert into status_copy_rate (key_hash, tokens, at)
        values ($1, $2, $3)
        on conflict (key_hash) do update
        set key_hash = excluded.key_hash
        returning tokens, at, closed_until
        """,
        key_hash,
        fresh.tokens,
        fresh.at,
    )
    assert row
    return RateBucket(row["tokens"], row["at"], row["closed_until"])


async def save_rate(tx: Tx, key_hash: str, bucket: RateBucket) -> None:
    """Store the bucket of a key, which is locked."""
    await tx.execute(
        """
        update status_copy_rate
        set tokens = $2, at = $3, closed_until = $4
        where key_hash = $1
        """,
        key_hash,
        bucket.tokens,
        bucket.at,
        bucket.closed_until,
    )


async def replace_remote_components(tx: Tx, copy_id: int, components: Sequence[RemoteComponent]) -> None:
    """Store the components of the remote page as they are now."""
    await tx.execute("delete from status_copy_remote_component where copy_id = $1", copy_id)
    await tx.many(
        """
        insert into status_copy_remote_component (copy_id, remote_id, name, group_name, status, position)
        values ($1, $2, $3, $4, $5, $6)
        """,
        [
            (copy_id, c.id, c.name, c.group_name, c.status.code if c.status is not None else "", c.position)
            for c in {component.id: component for component in components}.values()
        ],
    )


async def remote_components(tx: Reads, copy_id: int) -> list[RemoteComponent]:
    """Return the components of the remote page as of the last comparison, in its order."""
    rows = await tx.fetch(
        """
        select remote_id, name, group_name, status, position
        from status_copy_remote_component
        where copy_id = $1
        order by group_name, position, name, remote_id
        """,
        copy_id,
    )
    return [
        RemoteComponent(
            row["remote_id"],
            row["name"],
            ComponentStatus.of(row["status"]) if row["status"] else None,
            row["group_name"],
            position=row["position"],
        )
        for row in rows
    ]


async def component_map(tx: Reads, copy_id: int) -> dict[int, str]:
    """Return the remote component of each component that is mapped and shown."""
    rows = await tx.fetch(
        """
        select m.component_id, m.remote_id
        from status_copy_component m
        join status_component c on c.id = m.component_id
        where m.copy_id = $1
            and c.archived_at is null
        order by m.component_id
        """,
        copy_id,
    )
    return {row["component_id"]: row["remote_id"] for row in rows}


async def set_component_map(tx: Tx, copy_id: int, mapped: Mapping[int, str]) -> None:
    """Replace the component map of a copy."""
    await tx.execute("delete from status_copy_component where copy_id = $1", copy_id)
    await tx.many(
        """
        insert into status_copy_component (copy_id, component_id, remote_id)
        values ($1, $2, $3)
        """,
        [(copy_id, component_id, remote_id) for component_id, remote_id in mapped.items()],
    )
