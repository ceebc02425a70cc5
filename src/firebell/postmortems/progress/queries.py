"""Read at which guided step documents stand, for lists and for reminders."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

import msgspec

from firebell.handbook import actions as handbook
from firebell.kit.db.database import Tx
from firebell.kit.errors import Unavailable
from firebell.kit.process_pool import DOCUMENTS, TakesTooLong
from firebell.postmortems.drafting import source_store
from firebell.postmortems.drafting.timeline_rows import HIDDEN_KINDS
from firebell.postmortems.editing import queries as editing_queries
from firebell.postmortems.guide.steps import StepFacts
from firebell.postmortems.meeting import store as meeting_store
from firebell.postmortems.meeting.model import is_settled
from firebell.postmortems.progress import store
from firebell.postmortems.progress.current_steps import CurrentStep, GuidedDocument

_CURRENT_STEPS = "firebell.postmortems.progress.current_steps:current_steps"


async def current_steps(
    tx: Tx, postmortem_ids: Sequence[int], limit: AbstractAsyncContextManager[object] | None = None
) -> Mapping[int, CurrentStep]:
    """Return the guided step at which each unpublished document about incidents stands, by its id.

    Texts that take too long to read have none; `limit` is the time limit of reading them.
    """
    rows = await store.unpublished(tx, postmortem_ids)
    if not rows:
        return {}
    ids = [row["id"] for row in rows]
    recorded = await source_store.recorded_from_start(tx, ids, HIDDEN_KINDS)
    meetings = await meeting_store.of_documents(tx, ids)
    documents = [
        GuidedDocument(
            row["id"],
            row["body"],
            row["max_severity"],
            StepFacts(
                row["state"],
                row["due_at"],
                row["began_at"],
                row["first_saved_at"],
                row["impact_start"],
                row["id"] in recorded,
                is_settled(meetings.get(row["id"], ())),
            ),
        )
        for row in rows
    ]
    template = (await handbook.template(tx, "postmortem")).body
    names = sorted(await editing_queries.names(tx))
    try:
        async with limit or nullcontext():
            answer = await DOCUMENTS.call(_CURRENT_STEPS, msgspec.to_builtins(documents), template, names)
    except (TakesTooLong, TimeoutError, Unavailable):
        return {}
    steps = msgspec.json.decode(answer, type=list[CurrentStep | None])
    return {each: step for each, step in zip(ids, steps, strict=True) if step}
