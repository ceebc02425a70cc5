"""The signed one-use link in a message: opening it shows a form, posting the form acknowledges."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.errors import Gone
from firebell.notify import actions as notify
from firebell.notify.model import Delivery
from firebell.paging import single_use_store
from firebell.people import actions as people
from firebell.people.model import Person

LIFETIME = timedelta(hours=24)
_PURPOSE = "ack"


@dataclass(frozen=True, slots=True)
class AckLink:
    """The content of an acknowledgment link."""

    page_id: int
    person_id: int
    delivery_id: int
    issued_at: datetime | None
    """When it was issued; None for a link of an earlier release."""

    @property
    def id(self) -> str:
        """The id under which the link is marked as used."""
        return f"ack-{self.delivery_id}"


def ack_url(ctx: Context, delivery: Delivery, now: datetime) -> str:
    """Return the URL that lets the recipient of `delivery` acknowledge without signing in."""
    issued_at = int(now.timestamp())
    value = {"p": delivery.subject_id, "u": delivery.person_id, "d": delivery.id, "t": issued_at}
    return f"{ctx.public_url}/ack/{ctx.signer.sign(_PURPOSE, value, now + LIFETIME)}"


def read(ctx: Context, token: str, now: datetime) -> AckLink:
    """Return the link of a token; raise `Invalid` if it is forged or expired."""
    value = ctx.signer.open(_PURPOSE, token, now)
    issued_at = datetime.fromtimestamp(value["t"], UTC) if "t" in value else None
    return AckLink(value["p"], value["u"], value["d"], issued_at)


async def holder(tx: Tx, link: AckLink) -> Person:
    """Return the person of a link.

    Raise `Gone` if they were deactivated since, even if reactivated, or if the link is from before a backup was
    restored: its numbers can be those of another message now.
    """
    delivery = await notify.delivery(tx, link.delivery_id)
    if (
        delivery is None
        or (delivery.subject_id, delivery.person_id) != (link.page_id, link.person_id)
        or not delivery.is_of_message(link.issued_at)
        or await people.left_since(tx, link.person_id, delivery.created_at)
    ):
        raise Gone("This link is no longer valid.", hint="Sign in to Firebell to see the page.")
    return await people.person(tx, link.person_id)


async def use(tx: Tx, link: AckLink, now: datetime) -> bool:
    """Mark a link as used; return False if it was used before."""
    return await single_use_store.use(tx, link.id, now)


async def is_used(tx: Tx, link: AckLink) -> bool:
    """Return True if the link was used."""
    return await single_use_store.is_used(tx, link.id)
