"""Which websites may show a status page in a frame."""

import re
from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages import lookup
from firebell.status_pages.public import embed_store

MAX_ORIGINS = 20
_ORIGIN = re.compile(r"https://[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?(:\d{1,5})?")


@permits(Verb.STATUS_PAGE_WRITE)
async def set_embed_origins(
    tx: Tx, actor: Actor, page_id: int, origins: Sequence[str], now: datetime
) -> list[str]:
    """Replace the websites that may show a status page at /embed in a frame; return them. Idempotent."""
    page = await lookup.locked_page(tx, page_id)
    wanted = sorted({origin.strip().lower().rstrip("/") for origin in origins if origin.strip()})
    if len(wanted) > MAX_ORIGINS:
        raise Invalid(
            "There are too many websites.", fields={"origins": f"Enter at most {MAX_ORIGINS} websites."}
        )
    for origin in wanted:
        if not _ORIGIN.fullmatch(origin):
            raise Invalid(
                f"{origin[:60]!r} is not a website.",
                fields={"origins": "Enter addresses such as https://www.example.org, without a path."},
            )
    if wanted != await embed_store.origins(tx, page_id):
        await embed_store.set_origins(tx, page_id, wanted)
        await tx.audit(actor, "status_page.embedding_changed", page.name, now, origins=", ".join(wanted))
        await tx.live(lookup.topic(page))
    return wanted
