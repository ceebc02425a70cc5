"""The API of runbook sources."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Ctx, PathId, StrictBool, StrictInt, Text, problems
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work
from firebell.runbooks.sources import actions, queries, source_settings
from firebell.runbooks.sources.model import (
    DEFAULT_POLL_S,
    FILES_MAX,
    MIN_POLL_S,
    RunbookSource,
    SourceKind,
    SyncOutcome,
    SyncResult,
)

router = api.router("runbooks", "/runbook-sources")

Reader = Annotated[Work, work(Verb.RUNBOOK_READ)]
Responder = Annotated[Work, work(Verb.RUNBOOK_WRITE)]
Manager = Annotated[Work, work(Verb.RUNBOOK_SOURCE_WRITE)]


class SyncFindingShown(ApiOutput):
    """A file that was not taken, or why the source cannot be read; `path` is empty for the latter."""

    id: Literal["R-SYNC"]
    level: Literal["error", "warning"]
    path: str
    line: int
    message: str
    fix: str


class PendingCommitShown(ApiOutput):
    """A commit that waits for a person, because it would archive more than half of the runbooks."""

    commit: str
    author: str
    message: str
    at: datetime
    archives: list[str]
    runbooks: int


class RunbookSourceShown(ApiOutput):
    """A runbook source and how its last sync went; its secrets are never shown."""

    id: int
    kind: SourceKind
    name: str
    url: str
    ref: str
    paths: list[str]
    has_token: bool
    poll_s: int
    last_commit: str
    last_tried_at: datetime | None
    last_ok_at: datetime | None
    last_error: str
    files: int
    findings: list[SyncFindingShown]
    pending: PendingCommitShown | None


class NewRunbookSource(ApiInput):
    """A place that runbooks come from.

    For `git`, `url` is the HTTPS address of a repository and `ref` a branch or tag, empty for the default branch.
    For `directory`, `url` is a path below `FIREBELL_RUNBOOK_DIRECTORY`. A `push` source has neither.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "git", "name": "Operations", "url": "https://git.example.org/ops/runbooks.git"},
                {"kind": "push", "name": "CI"},
            ]
        }
    )

    kind: SourceKind
    name: Annotated[Text, Field(min_length=1, max_length=source_settings.NAME_MAX_CHARS)]
    url: Annotated[Text, Field(max_length=source_settings.URL_MAX_CHARS)] = ""
    ref: Annotated[Text, Field(max_length=source_settings.REF_MAX_CHARS)] = ""
    paths: Annotated[
        tuple[Annotated[Text, Field(max_length=200)], ...], Field(max_length=source_settings.PATHS_MAX)
    ] = ()
    token: Annotated[Text, Field(max_length=source_settings.TOKEN_MAX_CHARS)] = ""
    poll_s: Annotated[StrictInt, Field(ge=MIN_POLL_S, le=source_settings.MAX_POLL_S)] = DEFAULT_POLL_S


class NewToken(ApiInput):
    """The access token that replaces the old one."""

    token: Annotated[Text, Field(min_length=1, max_length=source_settings.TOKEN_MAX_CHARS)]


class CommitDecision(ApiInput):
    """What to do with the commit that waits: archive what it archives, or ignore it."""

    commit: Annotated[Text, Field(min_length=1, max_length=100)]
    archive: StrictBool


class PushedFile(ApiInput):
    """A file with its path below the root."""

    path: Annotated[Text, Field(min_length=1, max_length=500)]
    body: Annotated[Text, Field(max_length=2_000_000)]


class PushedFiles(ApiInput):
    """All files of a push source at one commit; a runbook whose file is missing is archived."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"commit": "b81e0aa", "files": [{"path": "a.md", "body": "# A\n..."}]}]
        }
    )

    commit: Annotated[Text, Field(min_length=1, max_length=100)]
    files: Annotated[list[PushedFile], Field(max_length=FILES_MAX)]


class SyncShown(ApiOutput):
    """What a push did: `waiting` if a person must allow it first, with the slugs it would archive."""

    result: SyncResult
    changes: dict[str, int]
    archives: list[str]
    findings: list[SyncFindingShown]


def _shown(health: queries.SourceHealth) -> RunbookSourceShown:
    source = health.source
    pending = source.pending
    return RunbookSourceShown(
        id=source.id,
        kind=source.kind,
        name=source.name,
        url=source.url,
        ref=source.ref,
        paths=list(source.paths),
        has_token=source.has_token,
        poll_s=source.poll_s,
        last_commit=source.last_commit,
        last_tried_at=source.last_tried_at,
        last_ok_at=source.last_ok_at,
        last_error=source.last_error,
        files=source.files,
        findings=[
            SyncFindingShown(
                id="R-SYNC",
                level="error" if f.level == "error" else "warning",
                path=path,
                line=f.line,
                message=f.message,
                fix=f.advice,
            )
            for f, path in zip(health.findings, health.paths, strict=True)
        ],
        pending=PendingCommitShown(
            commit=pending.commit,
            author=pending.author,
            message=pending.message,
            at=pending.at,
            archives=list(pending.archives),
            runbooks=pending.runbooks,
        )
        if pending
        else None,
    )


def _of(w: Work, source: RunbookSource) -> RunbookSourceShown:
    return _shown(queries.source_health(source, w.now))


def _outcome(outcome: SyncOutcome) -> SyncShown:
    return SyncShown(
        result=outcome.result,
        changes=dict(outcome.changes),
        archives=list(outcome.archives),
        findings=[
            SyncFindingShown(
                id="R-SYNC", level="warning", path=f.path, line=f.line, message=f.message, fix=f.advice
            )
            for f in outcome.findings
        ],
    )


@router.get("", summary="List runbook sources with their health")
async def list_runbook_sources(w: Reader) -> list[RunbookSourceShown]:
    return [_shown(health) for health in await queries.health(w.tx, w.now)]


@router.post("", status_code=201, summary="Add a runbook source", responses=problems(409))
async def add_runbook_source(w: Manager, body: NewRunbookSource) -> RunbookSourceShown:
    source = await actions.add(
        w.tx,
        w.actor,
        body.kind,
        body.name,
        w.now,
        url=body.url,
        ref=body.ref,
        paths=body.paths,
        token=body.token,
        poll_s=body.poll_s,
    )
    return _of(w, source)


@router.get("/{source_id}", summary="Get a runbook source with its health", responses=problems(404))
async def get_runbook_source(w: Reader, source_id: PathId) -> RunbookSourceShown:
    return _of(w, await actions.source(w.tx, source_id))


@router.delete(
    "/{source_id}",
    status_code=204,
    summary="Remove a runbook source; its runbooks stay and can be edited",
    responses=problems(404),
)
async def remove_runbook_source(w: Manager, source_id: PathId) -> None:
    await actions.remove(w.tx, w.actor, source_id, w.now)


@router.post(
    "/{source_id}/sync", status_code=202, summary="Read a runbook source now", responses=problems(404)
)
async def sync_runbook_source(w: Responder, source_id: PathId) -> RunbookSourceShown:
    return _of(w, await actions.request_sync(w.tx, w.actor, source_id, w.now))


@router.put("/{source_id}/token", summary="Replace the access token of a repository", responses=problems(404))
async def replace_runbook_source_token(w: Manager, source_id: PathId, body: NewToken) -> RunbookSourceShown:
    await actions.set_token(w.tx, w.actor, source_id, body.token, w.now)
    return _of(w, await actions.source(w.tx, source_id))


@router.post(
    "/{source_id}/decision",
    summary="Allow or ignore a commit that would archive more than half of the runbooks",
    responses=problems(404, 409),
)
async def decide_runbook_commit(w: Manager, source_id: PathId, body: CommitDecision) -> RunbookSourceShown:
    await actions.decide(w.tx, w.actor, source_id, body.commit, w.now, archive=body.archive)
    return _of(w, await actions.source(w.tx, source_id))


@router.post("/{source_id}/push", summary="Push all files of a push source", responses=problems(404))
async def push_runbooks(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.RUNBOOK_WRITE)], source_id: PathId, body: PushedFiles
) -> SyncShown:
    files, now = [(file.path, file.body) for file in body.files], ctx.clock.now()
    async with ctx.db.tx() as tx:
        snapshot = await actions.pushed_snapshot(tx, caller.actor, source_id, body.commit, files, now)
    prepared = await actions.prepare(snapshot.files, now)
    async with ctx.db.tx() as tx:
        outcome = await actions.push(tx, caller.actor, source_id, snapshot, prepared, ctx.clock.now())
    return _outcome(outcome)
