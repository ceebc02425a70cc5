"""The read model of the learning loop of an incident."""

from datetime import datetime

from firebell.action_items import queries as action_items
from firebell.incidents import actions as incidents
from firebell.incidents.severity import FACTS, Severity
from firebell.kit.db.database import Tx
from firebell.metrics.learning_loop import store as learning_loop_store
from firebell.metrics.learning_loop.model import Loop, LoopDocument, LoopIncident, Repeat
from firebell.postmortems import actions as postmortems

ROOT_GROUPS = ("trigger.", "latent.")


async def loop_of(tx: Tx, incident_id: int, now: datetime) -> Loop:
    """Return the learning loop of an incident; raise `NotFound` if the reader may not read it."""
    one = await incidents.incident(tx, incident_id)
    known = await learning_loop_store.incident(tx, incident_id)
    if known is None:
        # metrics follow within a minute
        known = LoopIncident(
            one.id, one.title, one.max_severity, one.declared_at, one.closed_at, None, None, 0, 0
        )
    items = await action_items.of_incident(tx, incident_id)
    repeats = []
    for repeat in await learning_loop_store.repeats(tx, incident_id, await incidents.hidden_ids(tx)):
        asked = await action_items.questions_about(tx, repeat.id)
        own = {item.id for item in items}
        questions = [each.question for each in asked if each.item.id in own]
        repeats.append(Repeat(repeat, await action_items.of_incident(tx, repeat.id), questions))
    is_required = FACTS[Severity(one.max_severity)].postmortem and not one.drill
    return Loop(known, await _document(tx, incident_id, is_required=is_required), items, repeats, now)


async def _document(tx: Tx, incident_id: int, *, is_required: bool) -> LoopDocument:
    document = await postmortems.find(tx, incident_id)
    if document is None or document.state == "withdrawn":
        return LoopDocument(is_required)
    codes = [code for code in postmortems.factors(document.body) if code.startswith(ROOT_GROUPS)]
    roots = tuple(dict.fromkeys(postmortems.factor_label(code) for code in codes))
    return LoopDocument(is_required, document.first_published_at, roots, exists=True)
