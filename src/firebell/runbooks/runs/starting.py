"""Start a run: in the browser, or as a terminal reports it."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.text import clean_text, slugify
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.runbooks import actions as library
from firebell.runbooks.isolated_parser import read
from firebell.runbooks.model import RUN_STARTED, RunbookStepped
from firebell.runbooks.runs import isolated_steps, recording, store
from firebell.runbooks.runs.lost_runs import TIMER, lost_at
from firebell.runbooks.runs.model import RunbookRun, RunKind, RunMode, RunState
from firebell.runbooks.runs.progress import begun
from firebell.runbooks.runs.steps_from_text import sha256_of


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """A run of a terminal, as it reports it."""

    client_id: str
    slug: str
    sha256: str
    body: str | None = None
    incident_id: int | None = None
    page_id: int | None = None
    mode: RunMode = RunMode.INTERACTIVE
    is_dry: bool = False
    variables: Mapping[str, str | None] = field(default_factory=dict)
    client: str = ""
    started_at: datetime | None = None


async def parse_ahead(body: str) -> None:
    """Parse the text of a run before the transaction that starts the run, because parsing can take seconds.

    `start` and `report_run` then find it in the cache, and refuse a text that can't be run.
    """
    with contextlib.suppress(Invalid):
        await read(body)
        await isolated_steps.steps(body)


async def text_of(tx: Tx, reported: ReportedRun) -> str | None:
    """Return the text of a run reported by a terminal, or None if neither it nor the server has the text."""
    if reported.body is not None:
        return reported.body
    stored = (await library.runbooks_by_slug(tx, [reported.slug])).get(reported.slug)
    if stored is not None and sha256_of(stored.body) == reported.sha256:
        return stored.body
    return await store.text(tx, reported.sha256)


@permits(Verb.RUNBOOK_RUN)
async def start(
    tx: Tx,
    actor: Actor,
    slug: str,
    now: datetime,
    *,
    incident_id: int | None = None,
    page_id: int | None = None,
) -> RunbookRun:
    """Start a run in the browser, and return it, pinned to the text that the library has now.

    Return the open run instead if the incident has one of this runbook: two people work through one run.
    """
    runbook = await library.runbook(tx, slug)
    await store.lock_runbook(tx, slug)
    if page_id is not None and incident_id is None:
        incident_id = await _incident_of_page(tx, page_id)
    await _check_incident(tx, incident_id)
    twin = await store.open_twin(tx, slug, incident_id, page_id, actor.person_id)
    if twin is not None:
        return twin
    run = RunbookRun(
        id=0,
        slug=slug,
        title="",
        version=runbook.version,
        sha256=sha256_of(runbook.body),
        incident_id=incident_id,
        page_id=page_id,
        kind=RunKind.WEB,
        mode=RunMode.INTERACTIVE,
        is_dry=False,
        state=RunState.RUNNING,
        is_rolling_back=False,
        is_taken_over=False,
        started_by=actor.label,
        started_by_id=actor.person_id,
        started_at=now,
        ended_at=None,
        reason="",
    )
    return await _insert(tx, actor, None, run, runbook.body, now)


@permits(Verb.RUNBOOK_RUN)
async def report_run(tx: Tx, actor: Actor, reported: ReportedRun, now: datetime) -> RunbookRun:
    """Create the run of a terminal, or return the one that it created before. Idempotent by its id.

    Raise `Conflict` if the text is not known and not given.
    """
    client_id = _uuid(reported.client_id)
    await store.lock_client(tx, client_id)
    existing = await store.of_client(tx, client_id)
    if existing is not None:
        if existing.started_by_id != actor.person_id or existing.sha256 != reported.sha256:
            raise Conflict("Another run has this client_id.", hint="Create a new UUID for each run.")
        return existing
    if reported.slug != slugify(reported.slug):
        raise Invalid(
            f"{reported.slug[:100]!r} is not a valid runbook name.",
            fields={"slug": f"Use {slugify(reported.slug)!r}."},
        )
    await _check_incident(tx, reported.incident_id)
    body, version = await _text(tx, reported)
    run = RunbookRun(
        id=0,
        slug=reported.slug,
        title="",
        version=version,
        sha256=reported.sha256,
        incident_id=reported.incident_id,
        page_id=reported.page_id,
        kind=RunKind.CLI,
        mode=reported.mode,
        is_dry=reported.is_dry,
        state=RunState.RUNNING,
        is_rolling_back=False,
        is_taken_over=False,
        started_by=actor.label,
        started_by_id=actor.person_id,
        started_at=min(reported.started_at or now, now),
        ended_at=None,
        reason="",
        variables=reported.variables,
        client=clean_text(reported.client, 200, "client"),
    )
    return await _insert(tx, actor, client_id, run, body, now)


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Invalid("The client_id is not a UUID.", fields={"client_id": "Use a UUID."}) from None


async def _text(tx: Tx, reported: ReportedRun) -> tuple[str, int | None]:
    """Return the text of a reported run and its version, None if the library does not have it now."""
    try:
        runbook = await library.runbook(tx, reported.slug)
    except NotFound:
        runbook = None
    if runbook is not None and sha256_of(runbook.body) == reported.sha256:
        return runbook.body, runbook.version
    body = reported.body if reported.body is not None else await store.text(tx, reported.sha256)
    if body is None:
        raise Conflict(
            "The server does not have this text.", hint="Send it as `body`; the library may have a newer one."
        )
    if sha256_of(body) != reported.sha256:
        raise Invalid(
            "The text does not have this hash.", fields={"sha256": "Send the SHA-256 of the UTF-8 of `body`."}
        )
    return body, None


async def _check_incident(tx: Tx, incident_id: int | None) -> None:
    if incident_id is not None and await store.is_hidden(tx, incident_id):
        raise NotFound(f"There is no INC-{incident_id}.")


async def _incident_of_page(tx: Tx, page_id: int) -> int | None:
    """Return the incident of a page, None without one, with several, or if the reader may not read it."""
    incident_ids = await store.incidents_of_page(tx, page_id)
    if len(incident_ids) != 1 or await store.is_hidden(tx, incident_ids[0]):
        return None
    return incident_ids[0]


async def _insert(
    tx: Tx, actor: Actor, client_id: str | None, run: RunbookRun, body: str, now: datetime
) -> RunbookRun:
    runbook, planned = await read(body), await isolated_steps.steps(body)
    await store.put_text(tx, run.sha256, body)
    inserted = await store.insert(
        tx, client_id, replace(run, title=runbook.title or run.slug), runbook.owner, now
    )
    if inserted is None:
        subject = f"INC-{run.incident_id}" if run.incident_id else f"PG-{run.page_id}"
        raise NotFound(f"There is no {subject}.", hint="Check the reference.")
    await store.save_progress(tx, inserted, begun(planned), (), 0)
    await timers.schedule(tx, TIMER, str(inserted.id), lost_at(inserted.kind, now))
    await tx.audit(
        actor,
        "runbook.run_started",
        inserted.ref,
        now,
        runbook=inserted.slug,
        incident=inserted.incident_id,
        dry=inserted.is_dry,
    )
    await recording.announce(tx, inserted)
    beginning = RunbookStepped(
        **recording.about(inserted),
        kind=RUN_STARTED,
        at=inserted.started_at.isoformat(),
        by=actor.label,
        by_id=actor.person_id,
    )
    await tx.emit(beginning, now)
    return inserted
