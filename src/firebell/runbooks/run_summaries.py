"""The runs of runbooks, as the library needs them: how each ended, and how much of it was done."""

from collections.abc import Mapping, Sequence

from firebell.kit.db.database import Reads
from firebell.runbooks.model import RunSummary
from firebell.runbooks.runs import summary_store


async def run_summaries(tx: Reads) -> Mapping[str, Sequence[RunSummary]]:
    """Return the latest ended runs of each runbook by slug, newest first."""
    return await summary_store.summaries(tx)
