"""Links users of a chat to people: by a verified email address, by themselves, or by an admin (spec 8.3)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.chat.intents.model import ChatTarget
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.model import Account
from firebell.chat.received import store as inbound_store
from firebell.chat.users import ChatUser, LinkedBy, UserFacts, email_to_link
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Gone, NotFound
from firebell.kit.signing import random_token
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.model import Person, PersonLeft
from firebell.people.permissions import Verb

LINK_LIFETIME = timedelta(minutes=15)
_PURPOSE = "chat-link"
_REFUSED_CHARS = 500


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """The content of a link page's address; `refused` is the command that needed a link."""

    account_id: int
    user: str
    user_name: str
    workspace: str
    nonce: str
    refused: str


def link_url(ctx: Context, account: Account, user: str, user_name: str, refused: str, now: datetime) -> str:
    """Return the address of the page where a user links themselves: for 15 minutes, once."""
    value = {
        "a": account.id,
        "u": user,
        "n": user_name[:80],
        "w": account.name[:80],
        "o": random_token(9),
        "r": refused[:_REFUSED_CHARS],
    }
    return f"{ctx.public_url}/chat/link/{ctx.signer.sign(_PURPOSE, value, now + LINK_LIFETIME)}"


def read_link(ctx: Context, token: str, now: datetime) -> LinkRequest:
    """Return the content of a link page's address; raise `Invalid` if it is forged or expired."""
    value = ctx.signer.open(_PURPOSE, token, now)
    return LinkRequest(value["a"], value["u"], value["n"], value["w"], value["o"], value["r"])


async def person_of(tx: Tx, user: ChatUser | None) -> Person | None:
    """Return the active person that a user is, None for no one."""
    if user is None or user.person_id is None:
        return None
    person = (await people.people_by_id(tx, [user.person_id])).get(user.person_id)
    return person if person and person.active else None


async def linked_person(tx: Tx, context: ChatContext, target: ChatTarget) -> Person:
    """Return the active person that a mentioned user is; raise `NotFound` for a user who is linked to no one."""
    person = await person_of(tx, await inbound_store.user(tx, context.account.id, target.value))
    if person is None:
        raise NotFound(
            f"{target.label or 'This user'} is not linked to a Firebell account.",
            hint=f"Ask them to run {context.command('incident', 'link')}.",
        )
    return person


@internal("Called before a user acts: the chat authenticates them.")
async def record_user(
    tx: Tx, account: Account, external_id: str, facts: UserFacts, now: datetime
) -> ChatUser:
    """Store what the chat says of a user, and link them by their email address if it is safe.

    A link by a person or an admin stays, unless the user was deleted. A person has one user in an account.
    """
    await inbound_store.lock_links(tx, account.id)
    known = await inbound_store.user(tx, account.id, external_id)
    person_id, how = None, LinkedBy.NONE
    if known and known.how in (LinkedBy.EXPLICIT, LinkedBy.ADMIN) and not facts.deleted:
        person_id, how = known.person_id, known.how
    elif email := email_to_link(facts, account.external_id):
        person = await people.person_by_email(tx, email)
        if person and person.active:
            holder = await inbound_store.user_of_person(tx, account.id, person.id)
            if holder is None or holder.external_id == external_id:
                person_id, how = person.id, LinkedBy.EMAIL
    user = ChatUser(account.id, external_id, person_id, how, facts.name, facts.email, facts.guest, now)
    await inbound_store.save_user(tx, user)
    if person_id is not None and (known is None or known.person_id != person_id):
        await tx.audit(
            Actor("system", "Firebell"),
            "chat.linked",
            f"person:{person_id}",
            now,
            account=account.name,
            user=facts.name or external_id,
            how=str(how),
        )
    return user


@internal("Called when the chat reports that a user changed.")
async def forget_check(tx: Tx, account_id: int, external_id: str) -> None:
    """Ask the chat again who a user is when they act next."""
    if user := await inbound_store.user(tx, account_id, external_id):
        epoch = user.checked_at - timedelta(days=3650)
        await inbound_store.save_user(tx, replace(user, checked_at=epoch))


async def _set_link(
    tx: Tx, actor: Actor, user: ChatUser, person: Person | None, how: LinkedBy, workspace: str, now: datetime
) -> None:
    """Link a user to a person, or to no one; the person's other user in the account loses the link."""
    await inbound_store.lock_links(tx, user.account_id)
    if person and (other := await inbound_store.user_of_person(tx, user.account_id, person.id)):
        await inbound_store.save_user(tx, replace(other, person_id=None, how=LinkedBy.NONE))
    linked = replace(user, person_id=person.id if person else None, how=how, checked_at=now)
    await inbound_store.save_user(tx, linked)
    subject = person.id if person else user.person_id
    action = "chat.linked" if person else "chat.unlinked"
    name = user.name or user.external_id
    await tx.audit(actor, action, f"person:{subject}", now, account=workspace, user=name, how=str(how))


@permits(Verb.OWN_PROFILE_WRITE)
async def link_self(tx: Tx, actor: Actor, request: LinkRequest, now: datetime) -> None:
    """Link the user of a link page to the person who is signed in; raise `Gone` if the page was used."""
    if not await inbound_store.claim(tx, request.account_id, f"link:{request.nonce}", now):
        raise Gone("This link has already been used.", hint="Run /incident link again.")
    user = await inbound_store.user(tx, request.account_id, request.user)
    if user is None:
        user = ChatUser(
            request.account_id, request.user, None, LinkedBy.NONE, request.user_name, "", False, now
        )
    if user.how is LinkedBy.ADMIN and user.person_id != actor.person_id:
        raise Conflict("An admin linked this chat user to someone else.", hint="Ask an admin to change it.")
    assert actor.person_id is not None
    person = await people.person(tx, actor.person_id)
    await _set_link(tx, actor, user, person, LinkedBy.EXPLICIT, request.workspace, now)


@permits(Verb.PERSON_WRITE)
async def map_user(
    tx: Tx, actor: Actor, account: Account, external_id: str, person_id: int | None, now: datetime
) -> ChatUser:
    """Link a user to a person as an admin, or to no one for good; raise `NotFound` for a user that was never seen."""
    user = await inbound_store.user(tx, account.id, external_id)
    if user is None:
        raise NotFound(f"There is no user {external_id[:80]} in {account.name}.")
    person = await people.person(tx, person_id) if person_id is not None else None
    if person and not person.active:
        raise Conflict(f"{person.name} is deactivated.", fields={"person": "Choose someone else."})
    await _set_link(tx, actor, user, person, LinkedBy.ADMIN, account.name, now)
    changed = await inbound_store.user(tx, account.id, external_id)
    assert changed
    return changed


async def end_links(tx: Tx, event: PersonLeft, now: datetime) -> None:
    """End the links of a person who left, in the transaction in which they leave."""
    await inbound_store.unlink_person(tx, event.person_id)
