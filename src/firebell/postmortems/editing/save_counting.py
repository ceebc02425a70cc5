"""Count how often saves of documents conflict, for `/metrics.prom`: decision 0055 stands while few do."""

from collections.abc import Iterator
from contextlib import contextmanager

from firebell.kit.process_counters import ProcessCounters
from firebell.postmortems.editing.edit_refusal import EditConflict


@contextmanager
def counted(counters: ProcessCounters) -> Iterator[None]:
    """Count a save that was stored or had nothing to store, and one that was refused because of another's."""
    try:
        yield
    except EditConflict:
        counters.document_conflicts += 1
        raise
    counters.document_saves += 1
