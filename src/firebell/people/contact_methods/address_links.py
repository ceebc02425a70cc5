"""Links that connect an address which no one types: a chat opens with a token of a person, and sends it back.

Who has the link and opens it in a chat has proved both, so the contact method needs no code.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firebell.channels import registry
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.signing import Signer
from firebell.people import contact_method_store, store
from firebell.people.action_permissions import internal
from firebell.people.contact_methods import actions as contact_method_actions
from firebell.people.model import Person, Role
from firebell.people.permissions import Rights
from firebell.people.verification import actions as verification_actions

LIFETIME = timedelta(minutes=10)
_MAC_CHARS = 32


@dataclass(frozen=True, slots=True)
class AddressLink:
    """The address at which a person connects a channel, until it expires."""

    kind: str
    url: str
    expires_at: datetime


def offered(ctx: Context, person_id: int, now: datetime) -> list[AddressLink]:
    """Return a link for each channel that is ready and connected by one."""
    ready = [
        channel.kind
        for channel in registry.CHANNELS.values()
        if channel.connect_url and channel.is_ready(ctx.channel_settings)
    ]
    return [create(ctx, kind, person_id, now) for kind in ready]


def create(ctx: Context, kind: str, person_id: int, now: datetime) -> AddressLink:
    """Return a new link; raise `Conflict` if the channel is off, or if its addresses are typed."""
    channel = registry.channel(kind)
    if channel.connect_url is None:
        raise Conflict(f"{channel.label} isn’t connected by a link.", hint="Add its address instead.")
    if not channel.is_ready(ctx.channel_settings):
        raise Conflict(f"{channel.label} is off.", hint=channel.off_text)
    expires_at = now + LIFETIME
    token = _token(ctx.signer, kind, person_id, int(expires_at.timestamp()))
    return AddressLink(kind, channel.connect_url(ctx.channel_settings, token), expires_at)


def _token(signer: Signer, kind: str, person_id: int, expires: int) -> str:
    """Return letters, digits and hyphens, of which a chat passes on at most 64."""
    body = f"{person_id}-{expires}"
    mac = signer.digest(f"connect.{kind}", body.encode()).partition("=")[2][:_MAC_CHARS]
    return f"{body}-{mac}"


def owner_of(signer: Signer, kind: str, token: str, now: datetime) -> int | None:
    """Return the id of the person whose token it is; None if it is forged, of another channel or expired."""
    parts = token.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts[:2]) or len(token) > 64:
        return None
    person_id, expires = int(parts[0]), int(parts[1])
    if not hmac.compare_digest(token.encode(), _token(signer, kind, person_id, expires).encode()):
        return None
    return person_id if now < datetime.fromtimestamp(expires, UTC) else None


@internal("The token proves that the sender has the person’s link.")
async def connect(tx: Tx, person_id: int, kind: str, address: str, label: str, now: datetime) -> Person:
    """Add an address as a verified contact method of the person whose link was opened there; return them.

    An address that they have already is verified. Raise `NotFound` if they were deactivated.
    """
    await store.lock_person(tx, person_id)
    person = (await store.people_by_id(tx, [person_id])).get(person_id)
    if person is None or not person.active:
        raise NotFound("This person has no account anymore.")
    actor = Actor("person", person.name, person.id, Rights(Role(person.role)), {"via": kind})
    own = await contact_method_store.methods(tx, [person_id])
    method = next((m for m in own if (m.kind, m.address) == (kind, address)), None)
    if method is None:
        method = await contact_method_actions.add_contact_method(
            tx, actor, person_id=person_id, kind=kind, address=address, label=label, now=now
        )
    await verification_actions.verify_connected(tx, actor, method, now)
    return person
