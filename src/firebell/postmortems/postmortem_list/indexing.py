"""Keep the words of documents searchable: with each version, and each day for what changed beside them."""

from firebell.kit.db.database import Tx
from firebell.people.action_permissions import internal
from firebell.postmortems.postmortem_list import index_store
from firebell.postmortems.postmortem_list.document_text import indexed

BATCH = 100
"""Number of documents that one run of the daily timer indexes."""


@internal("Part of drafting and saving a document.")
async def index(tx: Tx, postmortem_id: int) -> None:
    """Make the current text of a document searchable. Idempotent."""
    if document := await index_store.document(tx, postmortem_id):
        await index_store.save(tx, document, indexed(document.title, document.body, document.factors))


@internal(
    "Called by the daily timer: titles change without their document, and older releases indexed nothing."
)
async def index_outdated(tx: Tx) -> bool:
    """Index a batch of documents whose words are outdated; return True if more may be left."""
    documents = await index_store.outdated(tx, BATCH)
    for document in documents:
        await index_store.save(tx, document, indexed(document.title, document.body, document.factors))
    return len(documents) == BATCH
