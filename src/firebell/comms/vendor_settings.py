"""The names of vendors: a public text does not blame them, and naming one can need an approval."""

from collections.abc import Sequence
from datetime import datetime

from firebell.comms.tone_queries import VENDORS_SETTING, vendors
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.kit.text import clean_name
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

MAX_VENDORS = 200


@permits(Verb.STATUS_PAGE_WRITE)
async def set_vendors(tx: Tx, actor: Actor, names: Sequence[str], now: datetime) -> list[str]:
    """Replace the names of vendors. Idempotent."""
    cleaned = sorted({clean_name(name, "vendors") for name in names if name.strip()}, key=str.casefold)
    if len(cleaned) > MAX_VENDORS:
        raise Invalid(
            "There are too many vendor names.", fields={"vendors": f"Enter at most {MAX_VENDORS} names."}
        )
    if cleaned != await vendors(tx):
        await org_settings.put(tx, VENDORS_SETTING, cleaned)
        await tx.audit(actor, "comms.vendors_changed", "vendors", now, names=", ".join(cleaned))
    return cleaned
