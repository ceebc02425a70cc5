"""Actions on saved views."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.text import clean_name
from firebell.people.action_permissions import permits, require
from firebell.people.permissions import Verb
from firebell.saved_views import store
from firebell.saved_views.model import QUERY_MAX_CHARS, ListName, SavedView, canonical, moved

NAME_MAX_CHARS = 40
VIEWS_PER_LIST = 50
"""Number of views that a person owns at most of each list."""

_SHARE = Verb.INCIDENT_UPDATE
"""Responders share views."""
_CHANGE_SHARED = Verb.TEMPLATE_WRITE
"""Managers, who decide what everyone reads, rename and delete the shared views of others."""


def clean_query(list_name: ListName, query: str) -> str:
    """Return a query string as a view stores it; raise Invalid if it is too long or the database can't hold it."""
    cleaned = canonical(list_name, query)
    if len(cleaned) > QUERY_MAX_CHARS:
        raise Invalid(
            "The filters are too long.",
            fields={"query": f"Use at most {QUERY_MAX_CHARS} characters, as they stand in an address."},
        )
    if "%00" in cleaned:
        raise Invalid(
            "The filters contain an invalid character.", fields={"query": "Remove the NUL character."}
        )
    return cleaned


@permits(Verb.SAVED_VIEW_WRITE)
async def create_saved_view(
    tx: Tx, actor: Actor, *, list_name: ListName, name: str, query: str, shared: bool, now: datetime
) -> SavedView:
    """Save filters under a name, for oneself or shared with everyone; raise `Conflict` if the name is taken."""
    owner_id = _owner(actor)
    if shared:
        await require(tx, actor, _SHARE)
    name = clean_name(name, "name", limit=NAME_MAX_CHARS)
    query = clean_query(list_name, query)
    _check_room(await store.lock_of_owner(tx, owner_id, list_name), list_name)
    view = await store.insert(tx, owner_id, list_name, name, query, shared, now)
    if view is None:
        raise _taken(name)
    await tx.audit(
        *(actor, "saved_view.created", f"saved_view:{view.id}", now),
        list=list_name,
        name=name,
        query=query,
        shared=shared,
    )
    return view


@permits(Verb.SAVED_VIEW_WRITE)
async def update_saved_view(
    tx: Tx,
    actor: Actor,
    view_id: int,
    *,
    name: str | None = None,
    position: int | None = None,
    now: datetime,
) -> SavedView:
    """Rename a view, or move it to a position among its owner's, from 1; None changes nothing.

    Managers rename shared views of others. Raise `Conflict` if the name is taken.
    """
    view, own = await _changeable(tx, actor, view_id)
    if position is not None:
        if view.owner_id != actor.person_id:
            raise Forbidden(
                "Only its owner can move a view.", hint="Shared views of others are ordered by name."
            )
        view = await _move(tx, own, view, position)
    if name is None or (name := clean_name(name, "name", limit=NAME_MAX_CHARS)) == view.name:
        return view
    if await store.is_name_taken(tx, view, name):
        raise _taken(name)
    await store.rename(tx, view_id, name)
    await tx.audit(
        *(actor, "saved_view.renamed", f"saved_view:{view_id}", now),
        old_name=view.name,
        name=name,
        shared=view.shared,
    )
    return replace(view, name=name)


@permits(Verb.SAVED_VIEW_WRITE)
async def delete_saved_view(tx: Tx, actor: Actor, view_id: int, now: datetime) -> SavedView:
    """Delete your own view or, as a manager, a shared one; raise `NotFound` if it is not visible to you."""
    view, own = await _changeable(tx, actor, view_id)
    await store.delete(tx, view_id)
    await store.reorder(tx, [each.id for each in own if each.id != view_id])
    await tx.audit(
        *(actor, "saved_view.deleted", f"saved_view:{view_id}", now),
        owner=view.owner_id,
        list=view.list_name,
        name=view.name,
        query=view.query,
        shared=view.shared,
        position=view.position,
    )
    return view


@permits(Verb.SAVED_VIEW_WRITE)
async def restore_saved_view(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> SavedView:
    """Restore a deleted view for its owner, at its place.

    Raise `Conflict` if they have another one of that name now, or as many as there may be.
    """
    detail = entry.detail
    # an entry of an earlier version is about incidents, which alone had views
    list_name = ListName(detail.get("list", ListName.INCIDENTS))
    own = await store.lock_of_owner(tx, detail["owner"], list_name)
    _check_room(own, list_name)
    view = await store.insert(
        tx, detail["owner"], list_name, detail["name"], detail["query"], detail["shared"], now
    )
    if view is None:
        raise undo.changed_since(f"there is another view named {detail['name']} now.", "Rename it first.")
    if "position" in detail:
        view = await _move(tx, [*own, view], view, detail["position"])
    await tx.audit(actor, "saved_view.restored", f"saved_view:{view.id}", now, name=view.name)
    return view


def _check_room(own: Sequence[SavedView], list_name: ListName) -> None:
    if len(own) >= VIEWS_PER_LIST:
        raise Conflict(
            f"There are {VIEWS_PER_LIST} saved views of {list_name} already.",
            hint="Delete one of them first.",
        )


async def _move(tx: Tx, own: Sequence[SavedView], view: SavedView, position: int) -> SavedView:
    ids = moved([each.id for each in own], view.id, position)
    await store.reorder(tx, ids)
    return replace(view, position=ids.index(view.id) + 1)


async def _changeable(tx: Tx, actor: Actor, view_id: int) -> tuple[SavedView, list[SavedView]]:
    """Return a view that the actor may change, and all of its owner and list in their order, which are locked.

    Raise `NotFound` for a view that is not visible.
    """
    view, own = await store.view(tx, view_id), []
    if view is not None:
        own = await store.lock_of_owner(tx, view.owner_id, view.list_name)
        view = next((each for each in own if each.id == view_id), None)
    is_own = view is not None and view.owner_id == actor.person_id
    if view is None or not (is_own or view.shared):
        raise NotFound(f"There is no saved view {view_id}.", hint="See your views in the list.")
    if not is_own:
        await require(tx, actor, _CHANGE_SHARED)
    return view, own


def _taken(name: str) -> Conflict:
    return Conflict(f"There is already a view named {name}.", fields={"name": "Choose another name."})


def _owner(actor: Actor) -> int:
    if actor.person_id is None:
        raise Forbidden("A view belongs to a person.", hint="Sign in and try again.")
    return actor.person_id
