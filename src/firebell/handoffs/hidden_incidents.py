"""Removes an incident that became private from handoffs, which everyone can read (spec 4.2)."""

import re
from collections.abc import Collection
from datetime import datetime

from firebell.action_items import actions as action_items
from firebell.handoffs import store
from firebell.incidents.model import IncidentBecamePrivate, PagesHidden
from firebell.kit.db.database import Tx


def remove_lines_naming(body: str, refs: Collection[str]) -> str:
    """Return a text without the lines that name one of these references."""
    named = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(refs)))})\b", re.IGNORECASE)
    return "".join(line for line in body.splitlines(keepends=True) if not named.search(line))


async def redact_incident(tx: Tx, event: IncidentBecamePrivate, now: datetime) -> None:
    """Remove the lines about an incident and its action items from all handoffs."""
    items = (await action_items.of_incidents(tx, [event.incident_id])).get(event.incident_id, ())
    await _redact(tx, {f"INC-{event.incident_id}", *(item.ref for item in items)}, now)


async def redact_pages(tx: Tx, event: PagesHidden, now: datetime) -> None:
    """Remove the lines about hidden manual pages from all handoffs."""
    await _redact(tx, {f"PG-{page_id}" for page_id in event.page_ids}, now)


async def _redact(tx: Tx, refs: Collection[str], now: datetime) -> None:
    await store.lock_bodies(tx)
    if bodies := await store.lock_bodies_naming(tx, sorted(refs)):
        kept = {id_: remove_lines_naming(body, refs) for id_, body in bodies.items()}
        await store.replace_bodies(tx, kept, now)
        await tx.live("oncall")
