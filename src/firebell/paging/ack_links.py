"""The signed one-use link in a message: opening it shows a form, posting the form acknowledges."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.context import Context
from firebell.kit.db import Tx
from firebell.kit.errors import Gone
from firebell.paging import delivery_store, link_store
from firebell.paging.model import Delivery
from firebell.people import actions as people
from firebell.people.model import Person

LIFETIME = timedelta(hours=24)
_PURPOSE = "ack"


@dataclass(frozen=True, slots=True)
class AckLink:
    """What a link stands for."""

    page_id: int
    person_id: int
    delivery_id: int

    @property
    def id(self) -> str:
        """What marks the link as used."""
        return f"ack-{self.delivery_id}"


def ack_url(ctx: Context, delivery: Delivery, now: datetime) -> str:
    """Return the address that lets the receiver of `delivery` acknowledge without signing in."""
    value = {"p": delivery.page_id, "u": delivery.person_id, "d": delivery.id}
    return f"{ctx.public_url}/ack/{ctx.signer.sign(_PURPOSE, value, now + LIFETIME)}"


def read(ctx: Context, token: str, now: datetime) -> AckLink:
    """Return what a token stands for; raise `Invalid` when forged or expired."""
    value = ctx.signer.open(_PURPOSE, token, now)
    return AckLink(value["p"], value["u"], value["d"])


async def holder(tx: Tx, link: AckLink) -> Person:
    """Return who a link acts for; raise `Gone` when they have left since, also when they returned."""
    queued_at = await delivery_store.created_at(tx, link.delivery_id)
    if queued_at is None or await people.left_since(tx, link.person_id, queued_at):
        raise Gone("This link has ended.", hint="Sign in to Firebell to see the page.")
    return await people.person(tx, link.person_id)


async def use(tx: Tx, link: AckLink, now: datetime) -> bool:
    """Mark a link as used; return False if it was used before."""
    return await link_store.use(tx, link.id, now)


async def is_used(tx: Tx, link: AckLink) -> bool:
    """Return True if the link was used."""
    return await link_store.is_used(tx, link.id)
