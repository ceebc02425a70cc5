"""The audiences of the demo: who besides the room hears about incidents at Kestrel, and its customers."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from firebell.audiences import actions
from firebell.audiences.model import AudienceText, Moment
from firebell.audiences.settings.defaults import CUSTOMERS, EXECUTIVES, SHIPPED, SUPPORT
from firebell.kit.errors import Conflict

if TYPE_CHECKING:
    from firebell.demo.history import Past

CONTACTS = """customer,contact,email,services,language
Nordpost,Ida Berg,ops@nordpost.example,checkout-api;payments-gateway,sv
Nordpost,Erik Holm,finance@nordpost.example,,
Lumen,Chiara Conti,it@lumen.example,checkout-api;search,it
Alvik,Jonas Alvik,jonas@alvik.example,,de
Pelago,,support@pelago.example,search;catalog,
Brightly,Mina Park,oncall@brightly.example,payments-gateway;notifications,
"""
MEMBERS = {SUPPORT: ("role:comms",), EXECUTIVES: ("address:board@kestrel.example",)}
MAJOR_SEVERITY = 1
"""The least severe incident that customers and executives hear about."""
SUBJECTS = {
    Moment.FIRST: "{title} - we are working on it",
    Moment.UPDATE: "Update: {title}",
    Moment.END: "Over: {title}",
}


async def set_up(past: "Past") -> None:
    """Choose who is in the audiences, and import the customers."""
    kestrel, now = past.kestrel, past.clock.now()
    mara = kestrel.actor("Mara")
    members = {SUPPORT: "Noor Haddad", EXECUTIVES: "Ewa Kowalska"}
    async with past.ctx.db.tx() as tx:
        for slug, name in members.items():
            audience = SHIPPED.audience(slug)
            assert audience
            added = [f"person:{kestrel.people[name]}", *MEMBERS.get(slug, ())]
            chosen = replace(audience, members=(*audience.members, *added))
            await actions.save_audience(tx, mara, chosen, now)
        await actions.import_csv(tx, mara, CONTACTS, now)


async def send(
    past: "Past",
    incident_id: int,
    severity: int,
    moment: Moment,
    title: str,
    text: str,
    audiences: Sequence[str] = (SUPPORT, EXECUTIVES, CUSTOMERS),
) -> None:
    """Send a post about a major incident as Mara, the same text to each audience; nothing before `set_up`."""
    if severity > MAJOR_SEVERITY:
        return
    subject = SUBJECTS[moment].format(title=title)
    texts = [AudienceText(slug, subject, f"{text}\n\nKestrel") for slug in audiences]
    mara, now = past.kestrel.actor("Mara"), past.clock.now()
    async with past.ctx.db.tx() as tx:
        with suppress(Conflict):
            async with tx.savepoint():
                await actions.send_post(tx, mara, incident_id, moment, texts, now)
