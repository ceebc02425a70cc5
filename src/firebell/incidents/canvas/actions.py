"""Change conditions, actions and needs without touching what someone else wrote meanwhile."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.incidents import lookup, store, timeline_writer
from firebell.incidents.canvas.texts import ENTRY_KIND, NAMES, CanvasText, canvas
from firebell.incidents.timeline import actions as timeline_actions
from firebell.incidents.timeline import store as timeline_store
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

TEXT_MAX_CHARS = 2_000


async def canvas_texts(tx: Tx, incident_id: int) -> dict[str, CanvasText]:
    """Return conditions, actions and needs of an incident with their versions; raise `NotFound`."""
    await lookup.incident(tx, incident_id)
    return canvas(await timeline_store.timeline(tx, incident_id))


@permits(Verb.INCIDENT_UPDATE)
async def set_canvas_text(
    tx: Tx, actor: Actor, incident_id: int, name: str, text: str, version: int, now: datetime
) -> CanvasText:
    """Replace one of the three texts and return it.

    Raise `Conflict` if `version` is not the one that it has, so that no one overwrites what they did not see.
    Saving the text that it has changes nothing.
    """
    if name not in NAMES:
        raise NotFound(f"There is no {name[:40]}.", hint=f"Use {', '.join(NAMES)}.")
    await store.lock(tx, incident_id)
    current = (await canvas_texts(tx, incident_id))[name]
    text = clean_text(text, TEXT_MAX_CHARS, name=name)
    if text == current.text:
        return current
    if version != current.version:
        raise Conflict(
            f"{current.author or 'Someone'} changed the {name} while you did.",
            hint="Their text is shown above yours. Combine the two and save again.",
        )
    await store.change(tx, incident_id, **{name: text})
    await timeline_actions.record_entry(
        tx, actor, incident_id, ENTRY_KIND, f"updated {name}", {name: text}, now
    )
    return (await canvas_texts(tx, incident_id))[name]


def _joined_with_and(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


@permits(Verb.INCIDENT_UPDATE)
async def set_canvas(
    tx: Tx, actor: Actor, incident_id: int, conditions: str, actions: str, needs: str, now: datetime
) -> None:
    """Replace conditions, actions and needs."""
    incident = await lookup.locked(tx, incident_id)
    texts = {"conditions": conditions, "actions": actions, "needs": needs}
    canvas: dict[str, Any] = {name: clean_text(text, TEXT_MAX_CHARS, name) for name, text in texts.items()}
    changed = [name for name in canvas if canvas[name] != getattr(incident, name)]
    if changed:
        await store.change(tx, incident_id, **canvas)
        await timeline_writer.add_timeline_entry(
            tx, actor, incident_id, "canvas", f"updated {_joined_with_and(changed)}", now, **canvas
        )
