"""Forms that create something, each at most once: a second tap or Back and resend leads to the first result."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from starlette.datastructures import FormData

from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.kit.web import redirects

FIELD = "once"
"""The field of a form that is accepted once; its page's masked CSRF value tells one form from the next."""
KEPT_DAYS = 2
"""Longer than someone goes back to a page that stayed open."""


class AlreadySubmitted(FirebellError):  # noqa: N818
    """The same form was accepted before; the handler redirects to its result at `location`."""

    def __init__(self, location: str) -> None:
        super().__init__("This form was already sent.")
        self.location = location


@asynccontextmanager
async def accepted_once(
    tx: Tx, person_id: int, address: str, form: FormData, now: datetime
) -> AsyncIterator[None]:
    """Store where a form with the field `once` leads; raise `AlreadySubmitted` if it was accepted before.

    The same form that arrives meanwhile waits for the first. A form that is refused, or leads nowhere, can be resent.
    """
    if FIELD not in form:
        yield
        return
    digest = _digest(person_id, address, form)
    if not await _claim(tx, digest, now):
        raise AlreadySubmitted(await _location(tx, digest))
    with redirects.observed() as redirect:
        yield
    await _store_location(tx, digest, redirect.location)


def _digest(person_id: int, address: str, form: FormData) -> bytes:
    """Return what equal forms of one page and person share; a file counts by its name and size."""
    fields = [
        (name, value if isinstance(value, str) else f"{value.filename} {value.size}")
        for name, value in form.multi_items()
    ]
    return hashlib.sha256(repr((person_id, address, fields)).encode()).digest()


async def _claim(tx: Tx, digest: bytes, now: datetime) -> bool:
    """Return True if the form was not accepted before; wait for one that is being accepted."""
    claimed = await tx.value(
        """
        insert into submitted_form (digest, submitted_at)
        values ($1, $2)
        on conflict (digest) do nothing
        returning true
        """,
        digest,
        now,
    )
    return bool(claimed)


async def _location(tx: Tx, digest: bytes) -> str:
    location = await tx.value("select location from submitted_form where digest = $1", digest)
    return str(location or "/")


async def _store_location(tx: Tx, digest: bytes, location: str) -> None:
    """Store where an accepted form leads; forget one that was not accepted."""
    if location:
        await tx.execute("update submitted_form set location = $2 where digest = $1", digest, location)
    else:
        await tx.execute("delete from submitted_form where digest = $1", digest)


async def delete_forms(tx: Tx, before: datetime, limit: int) -> int:
    """Delete forms that were submitted before an instant; return their number."""
    return await tx.changed(
        """
        delete from submitted_form
        where digest in (
            select digest
            from submitted_form
            where submitted_at < $1
            order by submitted_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_forms = count_rows(
    """
    select
    from submitted_form
    where submitted_at < $1
    limit $2
    """
)

RETENTIONS = (
    Retention(
        "submitted_form",
        KEPT_DAYS,
        by_index(delete_forms),
        label="Submitted forms",
        count=count_forms,
    ),
)
