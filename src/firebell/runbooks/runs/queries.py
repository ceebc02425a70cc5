"""Read models of runs for the screens and the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.kit.findings import Finding
from firebell.runbooks import actions as library
from firebell.runbooks.runs import event_store, rollback, store
from firebell.runbooks.runs.actions import run_of
from firebell.runbooks.runs.durations import usual
from firebell.runbooks.runs.findings import findings
from firebell.runbooks.runs.model import ROLLBACK, RunbookRun, RunProgress, RunStep, StepKey, StepOutput
from firebell.runbooks.runs.progress import current
from firebell.runbooks.runs.rollback import RollbackPlan
from firebell.runbooks.runs.steps_from_text import sha256_of


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run with everything that its screen shows.

    `usual_s` is the median duration of earlier runs. `newer_version` is that of the library's text if it is another
    one than the run's.
    """

    run: RunbookRun
    steps: Sequence[RunStep]
    outputs: Mapping[StepKey, StepOutput]
    findings: Sequence[Finding]
    rollback: RollbackPlan
    usual_s: int | None
    newer_version: int | None

    @property
    def progress(self) -> RunProgress:
        """The run as the state machine knows it."""
        return RunProgress(
            tuple(self.steps),
            self.run.state,
            self.run.is_rolling_back,
            self.run.is_taken_over,
            self.run.ended_at,
            self.run.reason,
        )

    @property
    def current(self) -> RunStep | None:
        """The step that is next."""
        return current(self.progress)

    @property
    def forward(self) -> list[RunStep]:
        """The steps besides those of the rollback."""
        return [step for step in self.steps if step.part != ROLLBACK]

    @property
    def settled(self) -> int:
        """The number of forward steps that are done or skipped."""
        return sum(step.is_settled for step in self.forward)


async def details(tx: Tx, run_id: int) -> RunDetails:
    """Return a run with its details; raise `NotFound`."""
    run = await run_of(tx, run_id)
    steps = await store.steps(tx, run.id)
    return RunDetails(
        run=run,
        steps=steps,
        outputs=await event_store.outputs_of(tx, run.id),
        findings=findings(run, steps),
        rollback=rollback.plan(steps),
        usual_s=usual(await store.durations(tx, run.slug, run.id)),
        newer_version=await _newer_version(tx, run),
    )


async def _newer_version(tx: Tx, run: RunbookRun) -> int | None:
    try:
        runbook = await library.runbook(tx, run.slug)
    except NotFound:
        return None
    return None if sha256_of(runbook.body) == run.sha256 else runbook.version


async def body_of(tx: Tx, run: RunbookRun) -> str:
    """Return the text that a run is pinned to."""
    return await store.text(tx, run.sha256) or ""


async def runs(
    tx: Tx,
    *,
    slug: str | None = None,
    incident_id: int | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[RunbookRun]:
    """Return runs that the reader may read, newest first."""
    return await store.runs(tx, slug=slug, incident_id=incident_id, before=before, limit=limit)
