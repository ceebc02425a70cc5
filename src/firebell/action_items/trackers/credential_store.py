"""The SQL of how Firebell signs in to trackers: sealed secrets, access tokens, and authorizations that were begun."""

from datetime import datetime

from firebell.action_items.trackers.credentials import AccessToken, CheckedCredentials
from firebell.action_items.trackers.model import Tracker
from firebell.action_items.trackers.store import key_hash, sealer, sealing_context
from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

AUTHORIZATIONS_KEPT_DAYS = 1


async def replace(tx: Tx, tracker: Tracker, new: CheckedCredentials) -> None:
    """Replace the credentials of a tracker, and forget the access token that the old ones got."""
    await tx.execute(
        """
        update tracker
        set auth = $2, client_id = $3, secret = $4, key_hint = $5, key_hash = $6, api_url = '',
            authorized_at = null, access_token = null, access_until = null, renewing_until = null
        where id = $1
        """,
        tracker.id,
        str(new.auth),
        new.client_id,
        (await sealer(tx)).seal(new.secret.encode(), sealing_context(tracker, "token")),
        new.hint,
        key_hash(new.secret),
    )


async def open_secret(tx: Tx, tracker: Tracker) -> str:
    """Return the token, the private key or the secrets of OAuth; raise `Invalid` if they cannot be read."""
    sealed = await tx.value("select secret from tracker where id = $1", tracker.id)
    return (await sealer(tx)).open(sealed, sealing_context(tracker, "token")).decode()


async def open_access_token(tx: Tx, tracker: Tracker) -> AccessToken | None:
    """Return the last access token of a tracker, or None; raise `Invalid` if it cannot be read."""
    row = await tx.row("select access_token, access_until from tracker where id = $1", tracker.id)
    if row is None or row["access_token"] is None:
        return None
    token = (await sealer(tx)).open(row["access_token"], sealing_context(tracker, "access")).decode()
    return AccessToken(token, row["access_until"])


async def claim_renewal(tx: Tx, tracker_id: int, until: datetime, now: datetime) -> bool:
    """Return True if this process, and no other, may get a new access token until then."""
    return bool(
        await tx.changed(
            """
            update tracker
            set renewing_until = $2
            where id = $1
                and (renewing_until is null or renewing_until <= $3)
            """,
            tracker_id,
            until,
            now,
        )
    )


async def save_access_token(tx: Tx, tracker: Tracker, access: AccessToken) -> bool:
    """Store a new access token, and the secrets that came with it; False if the credentials were replaced meanwhile."""
    seal = (await sealer(tx)).seal
    secret = (
        seal(access.new_secret.encode(), sealing_context(tracker, "token")) if access.new_secret else None
    )
    return bool(
        await tx.changed(
            """
            update tracker
            set access_token = $4, access_until = $5, secret = coalesce($6, secret), renewing_until = null
            where id = $1
                and auth = $2
                and client_id = $3
                and key_hash = $7
            """,
            tracker.id,
            str(tracker.auth),
            tracker.client_id,
            seal(access.token.encode(), sealing_context(tracker, "access")),
            access.until,
            secret,
            tracker.key_hash,
        )
    )


async def give_up_renewal(tx: Tx, tracker_id: int) -> None:
    """Let another process get a new access token."""
    await tx.execute("update tracker set renewing_until = null where id = $1", tracker_id)


async def authorize(tx: Tx, tracker_id: int, api_url: str, now: datetime) -> None:
    """Record that someone authorized Firebell, and where calls go from now on."""
    await tx.execute(
        "update tracker set api_url = $2, authorized_at = $3 where id = $1", tracker_id, api_url, now
    )


async def insert_authorization(
    tx: Tx, nonce: str, tracker_id: int, person_id: int, expires_at: datetime
) -> None:
    """Store an authorization that a person begins."""
    await tx.execute(
        """
        insert into tracker_authorization (nonce, tracker_id, person_id, expires_at)
        values ($1, $2, $3, $4)
        """,
        nonce,
        tracker_id,
        person_id,
        expires_at,
    )


async def take_authorization(tx: Tx, nonce: str, person_id: int, now: datetime) -> int | None:
    """Delete an authorization and return its tracker; None if it was used, has expired, or is someone else's."""
    row = await tx.row(
        """
        delete from tracker_authorization
        where nonce = $1
            and person_id = $2
        returning tracker_id, expires_at
        """,
        nonce,
        person_id,
    )
    return row["tracker_id"] if row is not None and row["expires_at"] > now else None


async def delete_expired(tx: Tx, before: datetime, limit: int) -> int:
    """Delete authorizations that expired before an instant; return their number."""
    return await tx.changed(
        """
        delete from tracker_authorization
        where nonce in (
            select nonce
            from tracker_authorization
            where expires_at < $1
            order by expires_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_expired = count_rows(
    """
    select
    from tracker_authorization
    where expires_at < $1
    limit $2
    """
)


RETENTIONS = (
    Retention(
        "tracker_authorization",
        AUTHORIZATIONS_KEPT_DAYS,
        by_index(delete_expired),
        label="Authorizations of trackers that were not finished",
        count=count_expired,
    ),
)
