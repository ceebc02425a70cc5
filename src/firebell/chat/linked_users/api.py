"""The JSON API of the users of connected chats."""

from datetime import datetime
from typing import Annotated, Literal

from firebell.chat import store
from firebell.chat.linked_users import linking
from firebell.chat.model import Account
from firebell.chat.received import store as inbound_store
from firebell.chat.users import ChatUser
from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, PathId, Text, problems
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("chat")

Admin = Annotated[Work, work(Verb.PERSON_WRITE)]


class ChatUserShown(ApiOutput):
    """A user of a chat and the person they are; `how` says who decided it."""

    user: str
    name: str
    email: str
    person: str | None
    person_id: int | None
    how: Literal["email", "explicit", "admin", "none"]
    guest: bool
    checked_at: datetime


class ChatUserChange(ApiInput):
    """Which person a user is; null for no one, which an email address does not change."""

    person_id: Id | None


async def _account(tx: Tx, account_id: int) -> Account:
    account = await store.account(tx, account_id)
    if account is None:
        raise NotFound(f"There is no chat account {account_id}.")
    return account


async def _shown(tx: Tx, users: list[ChatUser]) -> list[ChatUserShown]:
    names = await people.people_by_id(tx, [u.person_id for u in users if u.person_id])
    return [
        ChatUserShown(
            user=user.external_id,
            name=user.name,
            email=user.email,
            person=names[user.person_id].name if user.person_id in names else None,
            person_id=user.person_id,
            how=user.how.value,
            guest=user.guest,
            checked_at=user.checked_at,
        )
        for user in users
    ]


@router.get(
    "/chats/{account_id}/users", summary="List the users of a connected chat", responses=problems(404)
)
async def list_chat_users(w: Admin, account_id: PathId) -> list[ChatUserShown]:
    await _account(w.tx, account_id)
    return await _shown(w.tx, await inbound_store.users(w.tx, account_id))


@router.put(
    "/chats/{account_id}/users/{user}",
    summary="Link a user of a chat to a person",
    responses=problems(404, 409),
)
async def link_chat_user(w: Admin, account_id: PathId, user: Text, body: ChatUserChange) -> ChatUserShown:
    account = await _account(w.tx, account_id)
    changed = await linking.map_user(w.tx, w.actor, account, user, body.person_id, w.now)
    (shown,) = await _shown(w.tx, [changed])
    return shown
