"""Who may change cover requests, swaps and time off: the people concerned, and managers."""

from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.oncall.swaps import store
from firebell.people import permissions
from firebell.people.permissions import Rights


async def check_request(tx: Tx, rights: Rights, person_id: int, cover_id: int) -> None:
    """Raise `Forbidden` unless the person requested or took the cover, or is a manager."""
    if cover := await store.cover(tx, cover_id):
        permissions.check_party(rights, person_id, (cover.requester, cover.taken_by))


async def check_taken(tx: Tx, rights: Rights, person_id: int, cover_id: int) -> None:
    """Raise `Forbidden` unless the cover is untaken, or the person requested or took it, or is a manager."""
    cover = await store.cover(tx, cover_id)
    if cover and cover.taken_by is not None:
        permissions.check_party(rights, person_id, (cover.requester, cover.taken_by))


async def check_swap(tx: Tx, rights: Rights, person_id: int, swap_id: int) -> None:
    """Raise `Forbidden` unless the swap is the person's, or the person is a manager."""
    if swap := await store.swap(tx, swap_id):
        permissions.check_party(rights, person_id, (swap.proposer, swap.other))


async def check_time_off(tx: Tx, rights: Rights, person_id: int, vacation_id: int) -> None:
    """Raise `NotFound` if there is no such time off, `Forbidden` unless it is the person's or they are a manager."""
    owner = await store.person_of_absence(tx, vacation_id)
    if owner is None:
        raise NotFound(f"There is no time off {vacation_id}, or it is canceled.")
    permissions.check_party(rights, person_id, (owner,))
