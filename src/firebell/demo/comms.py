"""The composer of the demo: the update of tonight's SEV1 that Tomás drafted for Mara."""

from datetime import timedelta
from typing import TYPE_CHECKING

from firebell.comms import drafts, vendor_settings
from firebell.comms.first_update import actions as first_update
from firebell.comms.model import PostContent
from firebell.comms.targets import incident_update, status_page
from firebell.comms.tone.model import ReaderKind
from firebell.demo.status_page import SLUG
from firebell.incidents import actions as incidents
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import Stage

if TYPE_CHECKING:
    from firebell.demo.history import Past

VENDORS = ("Bergstrom Bank", "Nimbus Cloud")
INSIDE = (
    "5xx is down to 11% after the failover to ledger-db-2. Recycling the tokenizer pool now, expect under 5% soon."
    " Rollback of build 4812 stays ready."
)
PUBLIC = (
    "We are sorry that card payments fail. We found the cause and moved them to a healthy database. About 1 in 9 card"
    " payments still fails, and we expect to be back shortly. Wallet and invoice payments work."
)
GERMAN = (
    "Es tut uns leid, dass Kartenzahlungen fehlschlagen. Wir haben die Ursache gefunden und leiten sie über eine"
    " funktionierende Datenbank. Etwa jede neunte Kartenzahlung schlägt noch fehl. Zahlungen per Wallet und auf"
    " Rechnung funktionieren."
)


async def let_firebell_post_first(past: "Past") -> None:
    """Let Firebell post the first update about a SEV0 after ten minutes."""
    now, mara = past.clock.now(), past.kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        page = await status_pages.status_page(tx, SLUG)
        rule = await first_update.rule_of(tx, page)
        await first_update.change_rule(
            *(tx, mara, page, now),
            is_enabled=True,
            severities=rule.severities,
            minutes=rule.minutes,
            headline=rule.headline,
            body=rule.body,
        )


async def draft_the_next_update(past: "Past", incident_id: int) -> None:
    """Name the vendors of Kestrel, and save the draft of an update that promises a bit too much."""
    now, kestrel = past.clock.now(), past.kestrel
    async with past.ctx.db.tx() as tx:
        await vendor_settings.set_vendors(tx, kestrel.actor("Mara"), VENDORS, now)
        incident = await incidents.incident(tx, incident_id)
        content = PostContent(
            {ReaderKind.INTERNAL: INSIDE, ReaderKind.PUBLIC: PUBLIC},
            (status_page.key_of(SLUG), incident_update.KIND),
            Stage.IDENTIFIED,
            next_update_at=(now + timedelta(minutes=30)).replace(second=0, microsecond=0),
            eta_at=(now + timedelta(minutes=50)).replace(second=0, microsecond=0),
            translations={"de": GERMAN},
        )
        revision = await drafts.revision_of(tx, incident, now)
        await drafts.save_draft(tx, kestrel.actor("Tomás"), incident_id, content, revision, now)
