"""The SQL of verification codes and of the states of contact methods."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Row, Tx
from firebell.kit.jobs.retention_store import count_rows
from firebell.people.verification.rules import CodeRequest, IssuedCode

_LOCK = 7_316_202_633
KEPT_DIGESTS = 4
"""Number of codes per request that are valid at once: each attempt to send it has one of its own."""
PRUNED_ROWS = 1000


async def lock_requests(tx: Tx) -> None:
    """Serialize requests for codes, whose limits span people."""
    await tx.execute("select pg_advisory_xact_lock($1)", _LOCK)


async def requests_since(tx: Tx, since: datetime) -> list[CodeRequest]:
    """Return the requests for codes of everyone after `since`."""
    rows = await tx.fetch(
        """
        select method.person_id, method.kind, method.address, code.method_id, code.requested_at
        from contact_code code
        join contact_method method on method.id = code.method_id
        where code.requested_at > $1
        """,
        since,
    )
    return [
        CodeRequest(row["person_id"], row["kind"], row["address"], row["method_id"], row["requested_at"])
        for row in rows
    ]


async def insert_request(tx: Tx, method_id: int, now: datetime) -> int:
    """Insert a request for a code, which replaces earlier ones of the contact method, and return its id."""
    code_id: int = await tx.value(
        """
        insert into contact_code (method_id, requested_at)
        values ($1, $2)
        returning id
        """,
        method_id,
        now,
    )
    return code_id


def _issued(row: Row) -> IssuedCode:
    return IssuedCode(row["id"], row["requested_at"], tuple(row["digests"]), row["tries"], row["used_at"])


async def latest_code(tx: Tx, method_id: int) -> IssuedCode | None:
    """Return the latest request for a code of a contact method; None if there is none."""
    row = await tx.row(
        """
        select id, requested_at, digests, tries, used_at
        from contact_code
        where method_id = $1
        order by id desc
        limit 1
        """,
        method_id,
    )
    return _issued(row) if row else None


async def add_digest(tx: Tx, code_id: int, digest: bytes, requested_after: datetime) -> bool:
    """Add a code to its request; return False if the request expired, was used or replaced, or is being entered.

    Never waits for a lock: the sender calls it while it holds messages.
    """
    changed = await tx.changed(
        """
        update contact_code
        set digests = (array_append(digests, $2::bytea))[greatest(1, cardinality(digests) + 2 - $4):]
        where id in (
            select id
            from contact_code
            where id = $1
                and requested_at > $3
                and used_at is null
                and not exists (
                    select
                    from contact_code later
                    where later.method_id = contact_code.method_id
                        and later.id > contact_code.id
                )
            for update skip locked
        )
        """,
        code_id,
        digest,
        requested_after,
        KEPT_DIGESTS,
    )
    return changed == 1


async def count_try(tx: Tx, code_id: int) -> None:
    await tx.execute("update contact_code set tries = tries + 1 where id = $1", code_id)


async def mark_used(tx: Tx, code_id: int, now: datetime) -> None:
    await tx.execute("update contact_code set used_at = $2 where id = $1", code_id, now)


async def prune_codes(tx: Tx, before: datetime) -> bool:
    """Delete a batch of requests made before an instant; return True if more may be left."""
    deleted = await tx.changed(
        """
        delete from contact_code
        where id in (
            select id
            from contact_code
            where requested_at < $1
            order by requested_at
            limit $2
        )
        """,
        before,
        PRUNED_ROWS,
    )
    return deleted == PRUNED_ROWS


count_codes = count_rows(
    """
    select
    from contact_code
    where requested_at < $1
    limit $2
    """
)


async def lock_method(tx: Tx, method_id: int) -> bool:
    """Serialize changes of a contact method's state; return False if it was removed."""
    row = await tx.row(
        """
        select id
        from contact_method
        where id = $1 and disabled_at is null
        for no key update
        """,
        method_id,
    )
    return row is not None


async def mark_verified(tx: Tx, method_id: int, now: datetime) -> None:
    await tx.execute(
        """
        update contact_method
        set verified_at = $2, suspect_since = null, unusable_since = null, exempt = false, replaces = null
        where id = $1
        """,
        method_id,
        now,
    )


async def mark_failed(tx: Tx, method_id: int, now: datetime, window: timedelta) -> None:
    """Record that an address failed; the first failure within `window` stays."""
    await tx.execute(
        """
        update contact_method
        set suspect_since = case when suspect_since > $3 then suspect_since else $2 end
        where id = $1
        """,
        method_id,
        now,
        now - window,
    )


async def mark_unusable(tx: Tx, method_id: int, now: datetime) -> None:
    await tx.execute("update contact_method set unusable_since = $2 where id = $1", method_id, now)


async def mark_usable(tx: Tx, method_id: int) -> None:
    await tx.execute(
        "update contact_method set unusable_since = null, suspect_since = null where id = $1", method_id
    )


async def record_test(tx: Tx, method_id: int, result: str, now: datetime) -> None:
    """Record the outcome of a test or code; an accepted one ends the failure of a method that is not verified."""
    await tx.execute(
        """
        update contact_method
        set test_at = $3,
            test_result = $2,
            suspect_since = case
                when verified_at is null and $2 = 'accepted' then null
                else suspect_since
            end
        where id = $1
        """,
        method_id,
        result,
        now,
    )


async def move_rules(tx: Tx, from_id: int, to_id: int) -> int:
    """Let a contact method take the place of another one in the notification rules; return their number."""
    return await tx.changed(
        """
        update notification_rule rule
        set method_id = $2
        where method_id = $1
            and not exists (
                select
                from notification_rule own
                where own.method_id = $2
                    and own.urgency = rule.urgency
                    and own.delay_s = rule.delay_s
            )
        """,
        from_id,
        to_id,
    )


async def unverified_since(tx: Tx, before: datetime, limit: int) -> list[tuple[int, int]]:
    """Return (person id, method id) of unverified contact methods added before, whose owners have a verified one."""
    rows = await tx.fetch(
        """
        select method.person_id, method.id
        from contact_method method
        where method.disabled_at is null
            and method.unusable_since is null
            and method.verified_at is null
            and not method.exempt
            and method.created_at <= $1
            and exists (
                select
                from contact_method other
                where other.person_id = method.person_id
                    and other.disabled_at is null
                    and other.unusable_since is null
                    and other.verified_at is not null
            )
        order by method.person_id, method.id
        limit $2
        """,
        before,
        limit,
    )
    return [(row["person_id"], row["id"]) for row in rows]
