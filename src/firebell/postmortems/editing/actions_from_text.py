"""Add action items from what a document says: the sentence is kept, and the root that an item answers names it."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from firebell.action_items import actions as action_items
from firebell.action_items.model import ActionItem, ItemKind, Priority, Strength
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup
from firebell.postmortems.document import sections, whys
from firebell.postmortems.document.blocks import block_lines
from firebell.postmortems.document.whys import WhyNode
from firebell.postmortems.editing.saving import live_topic, store_version
from firebell.postmortems.model import Postmortem, VersionReason
from firebell.postmortems.text_limits import clean_body

ACTIONS = "Action items"
_BLOCK = "{{actions}}"


@dataclass(frozen=True, slots=True)
class NewAction:
    """An action item to add; `root` is the text of the root that it answers, `quote` the sentence it comes from."""

    title: str
    quote: str = ""
    root: str = ""
    detail: str = ""
    kind: ItemKind = ItemKind.PREVENT
    strength: Strength = Strength.GUARD
    priority: Priority = Priority.P2
    owner_id: int | None = None
    team_id: int | None = None
    due: date | None = None


@permits(Verb.POSTMORTEM_WRITE)
async def add_action(tx: Tx, actor: Actor, incident_id: int, new: NewAction, now: datetime) -> ActionItem:
    """Add an action item of the incident of a document, and return it.

    The root that it answers names it. A document in progress gets the block `{{actions}}` if it has none. Raise
    `Conflict` if the tree has no such root.
    """
    postmortem = await lookup.locked(tx, incident_id)
    root = _root(postmortem, new.root) if new.root.strip() else None
    item = await action_items.add_item(
        tx,
        actor,
        new.title,
        now,
        incident_id=await incident_of_items(tx, postmortem),
        postmortem_id=postmortem.id,
        detail=new.detail,
        kind=new.kind,
        strength=new.strength,
        priority=new.priority,
        owner_id=new.owner_id,
        team_id=new.team_id,
        due=new.due,
        source_quote=new.quote,
    )
    body = with_action(postmortem, root, item.id)
    if body != postmortem.body:
        await store_version(tx, actor, postmortem, clean_body(body), VersionReason.SAVE, now)
    await tx.live(live_topic(postmortem))
    return item


async def incident_of_items(tx: Tx, postmortem: Postmortem) -> int:
    """Return the incident that an item belongs to: the main one, unless only another one is private."""
    ids = await lookup.incident_ids(tx, postmortem)
    about = await incidents.incidents_by_id(tx, ids)
    return next((each for each in ids if about[each].is_private), ids[0])


def _root(postmortem: Postmortem, text: str) -> WhyNode:
    wanted = " ".join(text.split())
    for node in whys.tree_of(sections.split(postmortem.body)).nodes():
        if node.kind == "root" and node.text == wanted:
            return node
    raise Conflict(
        "The tree of whys no longer has this root.",
        hint="Reload the document, and choose another root.",
        fields={"root": "Choose another root."},
    )


def with_action(postmortem: Postmortem, root: WhyNode | None, number: int) -> str:
    """Return the body with an action item: at the root that it answers, and as a block if there is none (pure)."""
    parts = sections.split(postmortem.body)
    cause, listed = sections.titled(parts, whys.CAUSE_TITLE), sections.titled(parts, ACTIONS)
    has_block = any(block.name == "actions" for block in block_lines(postmortem.body))
    texts: dict[str, str] = {}
    if cause and root:
        texts[cause.slug] = whys.with_action(cause.text, root, number)
    if listed and not has_block and postmortem.state != "published":
        texts[listed.slug] = f"{_BLOCK}\n\n{listed.text}".strip()
    if not texts:
        return postmortem.body
    return sections.join([replace(part, text=texts.get(part.slug, part.text)) for part in parts])
