"""The SQL of trackers: their secrets, leases, users and rates."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.action_items.trackers.model import AuthMethod, Direction, SyncField, Tracker, TrackerUser
from firebell.kit.db import org_settings
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.secret_encryption import Sealer
from firebell.kit.token_bucket import RateBucket

_COLUMNS = (
    "id, kind, name, url, target, login, key_hint, key_hash, is_private, is_enabled, links_new, team_id,"
    " directions, options, created_at, stopped_reason, failures, rests_until, last_ok_at, last_error,"
    " last_error_at, last_hook_at, sweep_at, swept_until, auth, client_id, api_url, authorized_at, sweep_etag"
)
_CHANGEABLE = {
    *("name", "login", "is_private", "is_enabled", "links_new", "team_id", "directions", "options"),
    *("stopped_reason", "failures", "rests_until", "last_ok_at", "last_error", "last_error_at"),
    *("last_hook_at", "sweep_at", "swept_until", "sweep_etag"),
}


def _tracker(row: Row) -> Tracker:
    directions = {SyncField(name): Direction(value) for name, value in row["directions"].items()}
    return Tracker(**{**dict(row), "directions": directions, "auth": AuthMethod(row["auth"])})


async def sealer(tx: Tx) -> Sealer:
    """Return what seals the secrets of trackers."""
    return Sealer(await org_settings.installation_secret(tx), "tracker")


def key_hash(token: str) -> str:
    """Return what tells tokens apart without showing them."""
    return hashlib.sha256(b"tracker " + token.encode()).hexdigest()[:32]


async def insert(tx: Tx, values: Mapping[str, Any], secret: str, hook_secret: str) -> Tracker | None:
    """Insert a tracker with the named columns and return it, None if its name or its target is taken."""
    seal = (await sealer(tx)).seal
    context = f"{values['kind']}/{values['url']}/{values['target']}"
    columns = {
        **values,
        "secret": seal(secret.encode(), f"{context}/token"),
        "hook_secret": seal(hook_secret.encode(), f"{context}/hook"),
    }
    placeholders = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    row = await tx.row(
        f"""
        insert into tracker ({", ".join(columns)})
        values ({placeholders})
        on conflict do nothing
        returning {_COLUMNS}
        """,
        *columns.values(),
    )
    return _tracker(row) if row else None


def sealing_context(tracker: Tracker, which: str) -> str:
    """Return what binds a sealed secret to its tracker and its use."""
    return f"{tracker.kind}/{tracker.url}/{tracker.target}/{which}"


async def set_hook_secret(tx: Tx, tracker: Tracker, secret: str) -> None:
    """Replace the secret with which a tracker signs its notifications."""
    sealed = (await sealer(tx)).seal(secret.encode(), sealing_context(tracker, "hook"))
    await tx.execute("update tracker set hook_secret = $2 where id = $1", tracker.id, sealed)


async def open_hook_secret(tx: Tx, tracker: Tracker) -> str:
    """Return the secret of notifications; raise `Invalid` if it cannot be read."""
    sealed = await tx.value("select hook_secret from tracker where id = $1", tracker.id)
    return (await sealer(tx)).open(sealed, sealing_context(tracker, "hook")).decode()


async def trackers(tx: Reads) -> list[Tracker]:
    """Return all trackers by name."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from tracker
        order by name
        """
    )
    return [_tracker(row) for row in rows]


async def tracker(tx: Reads, tracker_id: int) -> Tracker | None:
    """Return a tracker, None if there is none."""
    row = await tx.row(f"select {_COLUMNS} from tracker where id = $1", tracker_id)
    return _tracker(row) if row else None


async def lock(tx: Tx, tracker_id: int) -> Tracker | None:
    """Lock a tracker and return it, None if there is none."""
    row = await tx.row(f"select {_COLUMNS} from tracker where id = $1 for update", tracker_id)
    return _tracker(row) if row else None


async def change(tx: Tx, tracker_id: int, **changes: Any) -> None:
    """Update the named columns of a tracker."""
    assert set(changes) <= _CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    await tx.execute(f"update tracker set {assignments} where id = $1", tracker_id, *changes.values())


async def delete(tx: Tx, tracker_id: int) -> None:
    """Delete a tracker with its links; the issues stay."""
    await tx.execute("delete from tracker where id = $1", tracker_id)


_DUE_AT = """
    least(
        t.sweep_at,
        (select min(l.check_at) from tracker_link l where l.tracker_id = t.id and l.state <> 'gone')
    )
"""
_FREE_AT = """
    greatest(
        coalesce(t.rests_until, '-infinity'),
        coalesce((select max(r.closed_until) from tracker_rate r where r.key_hash = t.key_hash), '-infinity')
    )
"""


async def lease_due(tx: Tx, holder: str, until: datetime, now: datetime, limit: int) -> list[Tracker]:
    """Lease active trackers that have work now, may be called, and that no other process has leased."""
    rows = await tx.fetch(
        f"""
        update tracker
        set lease_holder = $1, lease_until = $2
        where id in (
            select t.id
            from tracker t
            where t.is_enabled
                and t.stopped_reason = ''
                and (t.lease_until is null or t.lease_until <= $3)
                and {_FREE_AT} <= $3
                and {_DUE_AT} <= $3
            order by t.sweep_at
            limit $4
            for update of t skip locked
        )
        returning {_COLUMNS}
        """,
        holder,
        until,
        now,
        limit,
    )
    return [_tracker(row) for row in rows]


async def next_due_at(tx: Reads) -> datetime | None:
    """Return when an active tracker has work next, or None."""
    at = await tx.value(
        f"""
        select min(greatest({_DUE_AT}, {_FREE_AT}, coalesce(t.lease_until, '-infinity')))
        from tracker t
        where t.is_enabled
            and t.stopped_reason = ''
        """
    )
    return at if isinstance(at, datetime) else None


async def holds_lease(tx: Tx, tracker_id: int, holder: str, now: datetime) -> bool:
    """Return True if a process may still call this tracker."""
    return bool(
        await tx.value(
            """
            select exists (
                select
                from tracker
                where id = $1
                    and lease_holder = $2
                    and lease_until > $3
            )
            """,
            tracker_id,
            holder,
            now,
        )
    )


async def release(tx: Tx, tracker_id: int, holder: str) -> None:
    """Give up the lease of a tracker."""
    await tx.execute(
        """
        update tracker
        set lease_holder = null, lease_until = null
        where id = $1
            and lease_holder = $2
        """,
        tracker_id,
        holder,
    )


async def lock_rate(tx: Tx, key: str, kind: str, fresh: RateBucket) -> RateBucket:
    """Lock and return the bucket of a token for calls that read or write; a new one is `fresh`."""
    row = await tx.row(
        """
        insert into tracker_rate (key_hash, kind, tokens, at)
        values ($1, $2, $3, $4)
        on conflict (key_hash, kind) do update
        set kind = excluded.kind
        returning tokens, at, closed_until
        """,
        key,
        kind,
        fresh.tokens,
        fresh.at,
    )
    assert row
    return RateBucket(row["tokens"], row["at"], row["closed_until"])


async def save_rate(tx: Tx, key: str, kind: str, bucket: RateBucket) -> None:
    """Store the bucket of a token, which is locked."""
    await tx.execute(
        """
        update tracker_rate
        set tokens = $3, at = $4, closed_until = $5
        where key_hash = $1
            and kind = $2
        """,
        key,
        kind,
        bucket.tokens,
        bucket.at,
        bucket.closed_until,
    )


async def users(tx: Reads, tracker_id: int) -> list[TrackerUser]:
    """Return who people are in a tracker, by person."""
    rows = await tx.fetch(
        """
        select tracker_id, person_id, handle, external_id, is_by_hand, looked_up_at
        from tracker_user
        where tracker_id = $1
        order by person_id
        """,
        tracker_id,
    )
    return [TrackerUser(**dict(row)) for row in rows]


async def save_user(tx: Tx, user: TrackerUser) -> None:
    """Store who a person is in a tracker; another person with the same user loses it."""
    if user.external_id:
        await tx.execute(
            """
            update tracker_user
            set external_id = ''
            where tracker_id = $1
                and external_id = $2
                and person_id <> $3
            """,
            user.tracker_id,
            user.external_id,
            user.person_id,
        )
    await tx.execute(
        """
        insert into tracker_user (tracker_id, person_id, handle, external_id, is_by_hand, looked_up_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (tracker_id, person_id) do update
        set handle = excluded.handle,
            external_id = excluded.external_id,
            is_by_hand = excluded.is_by_hand,
            looked_up_at = excluded.looked_up_at
        """,
        user.tracker_id,
        user.person_id,
        user.handle,
        user.external_id,
        user.is_by_hand,
        user.looked_up_at,
    )


async def delete_user(tx: Tx, tracker_id: int, person_id: int) -> None:
    """Forget who a person is in a tracker."""
    await tx.execute(
        "delete from tracker_user where tracker_id = $1 and person_id = $2", tracker_id, person_id
    )


async def people_by_email(tx: Reads, emails: Sequence[str]) -> dict[str, int]:
    """Return the active people with these addresses, by address in lower case."""
    rows = await tx.fetch(
        """
        select id, lower(email) email
        from person
        where lower(email) = any($1::text[])
            and active
        """,
        [email.lower() for email in emails],
    )
    return {row["email"]: row["id"] for row in rows}
