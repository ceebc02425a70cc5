"""The run of a runbook in the organization with one of everything."""

from firebell.kit.db.database import Tx
from firebell.runbooks import actions as runbooks
from firebell.runbooks.runs import actions as runs
from tests.world import World

_PARTS = (
    *("# Restart", "## Prerequisites", "- You are on call.", "## Steps", "1. Restart"),
    *("## Verification", "- It is fast."),
)
RUN_VALUES = {"part": "Prerequisites", "position": "1", "change": "skip"}
"""What the addresses of a step of it have in them."""


async def start_run(tx: Tx, w: World) -> None:
    """Run a runbook for the first incident."""
    mara = await w.actor(w.mara)
    await runbooks.save(tx, mara, "restart", "\n\n".join(_PARTS), w.now)
    await runs.start(tx, mara, "restart", w.now, incident_id=1)
