"""Actions on saved views of the list of incidents."""

from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from firebell.incidents.incident_list import saved_view_store
from firebell.incidents.model import SavedView, Sort
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.text import clean_name
from firebell.kit.web import undo
from firebell.people.action_guards import permits, require
from firebell.people.permissions import Verb

PARAMETERS = ("state", "sort", "q", "severity", "service", "commander", "month", "type", "field")
"""The parameters of an address that a view keeps, in the order of the list's own addresses."""
NAME_MAX_CHARS = 40
QUERY_MAX_CHARS = 1000
VIEWS_PER_PERSON = 50

_SHARE = Verb.INCIDENT_UPDATE
"""Responders share views."""
_DELETE_SHARED = Verb.TEMPLATE_WRITE
"""Managers, who decide what everyone reads, delete the shared views of others."""

visible = saved_view_store.visible


def clean_query(query: str) -> str:
    """Return a query string with only the parameters of the list, so that equal views have equal addresses."""
    if len(query) > QUERY_MAX_CHARS:
        raise Invalid(
            "The filters are too long.", fields={"query": f"Use at most {QUERY_MAX_CHARS} characters."}
        )
    values = dict(parse_qsl(query.removeprefix("?")))
    kept = {name: values[name] for name in PARAMETERS if values.get(name) and values[name] != Sort.NEWEST}
    if "\x00" in "".join(kept.values()):
        raise Invalid(
            "The filters contain an invalid character.", fields={"query": "Remove the NUL character."}
        )
    return urlencode({"state": "open", **kept})


@permits(Verb.SAVED_VIEW_WRITE)
async def create_saved_view(
    tx: Tx, actor: Actor, *, name: str, query: str, shared: bool, now: datetime
) -> SavedView:
    """Save filters under a name, for oneself or shared with everyone; raise `Conflict` if the name is taken."""
    owner_id = _owner(actor)
    if shared:
        await require(tx, actor, _SHARE)
    name = clean_name(name, "name", limit=NAME_MAX_CHARS)
    query = clean_query(query)
    if await saved_view_store.owned(tx, owner_id) >= VIEWS_PER_PERSON:
        raise Conflict(f"You have {VIEWS_PER_PERSON} saved views.", hint="Delete one of them first.")
    view = await saved_view_store.insert(tx, owner_id, name, query, shared, now)
    if view is None:
        raise Conflict(f"You already have a view named {name}.", fields={"name": "Choose another name."})
    await tx.audit(
        actor, "saved_view.created", f"saved_view:{view.id}", now, name=name, query=query, shared=shared
    )
    return view


@permits(Verb.SAVED_VIEW_WRITE)
async def delete_saved_view(tx: Tx, actor: Actor, view_id: int, now: datetime) -> SavedView:
    """Delete a view of one's own, or as a manager a shared one; raise `NotFound` for one that is not visible."""
    view = await saved_view_store.lock(tx, view_id)
    is_own = view is not None and view.owner_id == actor.person_id
    if view is None or not (is_own or view.shared):
        raise NotFound(f"There is no saved view {view_id}.", hint="See your views in the list of incidents.")
    if not is_own:
        await require(tx, actor, _DELETE_SHARED)
    await saved_view_store.delete(tx, view_id)
    await tx.audit(
        *(actor, "saved_view.deleted", f"saved_view:{view_id}", now),
        owner=view.owner_id,
        name=view.name,
        query=view.query,
        shared=view.shared,
    )
    return view


@permits(Verb.SAVED_VIEW_WRITE)
async def restore_saved_view(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> SavedView:
    """Restore a deleted view for its owner; raise `Conflict` if they have another one of that name now."""
    detail = entry.detail
    view = await saved_view_store.insert(
        tx, detail["owner"], detail["name"], detail["query"], detail["shared"], now
    )
    if view is None:
        raise undo.changed_since(f"there is another view named {detail['name']} now.", "Rename it first.")
    await tx.audit(actor, "saved_view.restored", f"saved_view:{view.id}", now, name=view.name)
    return view


def _owner(actor: Actor) -> int:
    if actor.person_id is None:
        raise Forbidden("A view belongs to a person.", hint="Sign in and try again.")
    return actor.person_id
