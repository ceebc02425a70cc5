"""Missing links: users who act without a person, and people on call without a user (CH-UNLINKED)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.chat.model import Account
from firebell.chat.received import store as inbound_store
from firebell.chat.users import ChatUser
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.people.model import Person

ACTED_WITHIN = timedelta(days=30)
LISTED = 20


@dataclass(frozen=True, slots=True)
class Unlinked:
    """Users without a person, and people without a user."""

    users: list[ChatUser]
    people: list[Person]

    def __bool__(self) -> bool:
        """Return True if someone is not linked."""
        return bool(self.users or self.people)


async def unlinked(tx: Tx, account: Account, now: datetime) -> Unlinked:
    """Return up to 20 users who acted in 30 days without a link, and the people without a user."""
    users = await inbound_store.unlinked_users(tx, account.id, now - ACTED_WITHIN, LISTED)
    missing = await inbound_store.people_not_found(tx, account.id, LISTED)
    by_id = await people.people_by_id(tx, missing)
    return Unlinked(
        users,
        [by_id[i] for i in missing if i in by_id and by_id[i].active],
    )


async def user_of(tx: Tx, account: Account, person_id: int) -> str:
    """Return the id of the user that a person is, empty for no one."""
    user = await inbound_store.user_of_person(tx, account.id, person_id)
    return user.external_id if user else ""
