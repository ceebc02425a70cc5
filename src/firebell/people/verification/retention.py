"""What people leave behind that expires: unverified contact methods and verification codes."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, WaitingRows
from firebell.people.verification import actions as verification_actions
from firebell.people.verification import rules as verification
from firebell.people.verification import store as verification_store


async def prune_codes(tx: Tx, before: datetime, cursor: int) -> int | None:
    """Delete a batch of codes that no limit counts anymore."""
    return 0 if await verification_store.prune_codes(tx, before) else None


async def prune_contact_methods(tx: Tx, before: datetime, cursor: int) -> int | None:
    """Disable a batch of contact methods that no one verified; one stays if its owner has no verified one."""
    now = before + verification.VERIFY_WITHIN
    return 0 if await verification_actions.remove_unverified(tx, now) else None


async def count_contact_methods(tx: Tx, before: datetime, limit: int) -> WaitingRows:
    """Count the contact methods that `prune_contact_methods` would disable."""
    rows = len(await verification_store.unverified_since(tx, before, limit))
    return WaitingRows(rows, rows >= limit)


RETENTIONS = (
    Retention(
        "contact_code",
        verification.DAY.days,
        prune_codes,
        label="Verification codes",
        count=verification_store.count_codes,
    ),
    Retention(
        "contact_method",
        verification.VERIFY_WITHIN.days,
        prune_contact_methods,
        label="Unverified contact methods",
        count=count_contact_methods,
    ),
)
