"""Actions on runbook sources: adding and removing them, and applying what was read from one."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.runbooks import actions as runbooks
from firebell.runbooks import store as runbook_store
from firebell.runbooks.isolated_parser import read_stored
from firebell.runbooks.model import digest
from firebell.runbooks.sources import rule_files, source_settings, store, sync_plan
from firebell.runbooks.sources.model import (
    DEFAULT_POLL_S,
    FILE_MAX_CHARS,
    FILES_MAX,
    PendingCommit,
    Prepared,
    PreparedFiles,
    PreparedRuleFile,
    RunbookSource,
    Snapshot,
    SourceFile,
    SourceFinding,
    SourceKind,
    SyncOutcome,
    SyncResult,
)
from firebell.runbooks.store import NewText

HOOK_PAUSE = timedelta(seconds=5)
"""The shortest time between two syncs that notifications ask for."""


async def source(tx: Reads, source_id: int) -> RunbookSource:
    """Return a source; raise `NotFound`."""
    one = await store.source(tx, source_id)
    if one is None:
        raise NotFound(f"There is no runbook source {source_id}.", hint="Runbook sources lists them.")
    return one


async def sources(tx: Reads) -> list[RunbookSource]:
    """Return all sources by name."""
    return await store.sources(tx)


@permits(Verb.RUNBOOK_SOURCE_WRITE)
async def add(
    tx: Tx,
    actor: Actor,
    kind: SourceKind,
    name: str,
    now: datetime,
    *,
    url: str = "",
    ref: str = "",
    paths: Sequence[str] = (),
    token: str = "",
    poll_s: int = DEFAULT_POLL_S,
) -> RunbookSource:
    """Add a source, which is read at once; raise `Invalid` for bad input, `Conflict` for a name in use."""
    settings = source_settings.clean(kind, name, url, ref, paths, token, poll_s)
    new = await store.insert(tx, settings, now)
    if new is None:
        raise Conflict(f"There is already a runbook source {settings.name}.", hint="Choose another name.")
    if kind is SourceKind.GIT:
        await store.set_token(tx, new.id, settings.token)
        await store.set_hook_secret(tx, new.id, secrets.token_urlsafe(32))
    await tx.audit(actor, "runbook_source.added", _subject(new.id), now, name=settings.name, kind=kind)
    await tx.wake("runbook_sources")
    return await source(tx, new.id)


@permits(Verb.RUNBOOK_SOURCE_WRITE)
async def set_token(tx: Tx, actor: Actor, source_id: int, token: str, now: datetime) -> None:
    """Replace the access token of a repository, which is read again at once."""
    one = await _locked(tx, source_id)
    if one.kind is not SourceKind.GIT:
        raise Invalid("Only a Git repository has an access token.")
    clean = source_settings.clean_token(token, one.url)
    if not clean:
        raise Invalid("The access token is blank.", fields={"token": "Paste the token."})
    await store.set_token(tx, source_id, clean)
    await store.change(tx, source_id, next_sync_at=now)
    await tx.audit(actor, "runbook_source.token_changed", _subject(source_id), now, name=one.name)
    await tx.wake("runbook_sources")


@permits(Verb.RUNBOOK_WRITE)
async def request_sync(tx: Tx, actor: Actor, source_id: int, now: datetime) -> RunbookSource:
    """Read a source now instead of at its next time. Idempotent."""
    one = await source(tx, source_id)
    if one.kind is SourceKind.PUSH:
        raise Invalid("Nothing is fetched for this source.", hint="Push it from CI.")
    await store.change(tx, source_id, next_sync_at=now)
    await tx.wake("runbook_sources")
    return one


@permits(Verb.RUNBOOK_SOURCE_WRITE)
async def remove(tx: Tx, actor: Actor, source_id: int, now: datetime) -> RunbookSource:
    """Remove a source; its runbooks stay and can then be edited in the app."""
    one = await _locked(tx, source_id)
    await runbook_store.lock(tx)
    await runbook_store.release(tx, source_id)
    await store.delete(tx, source_id)
    await store.read_again(tx, now)
    await tx.audit(actor, "runbook_source.removed", _subject(source_id), now, name=one.name)
    return one


@permits(Verb.RUNBOOK_SOURCE_WRITE)
async def reveal_hook_secret(tx: Tx, actor: Actor, source_id: int, now: datetime) -> str:
    """Return the secret with which a Git host signs its notifications; written to the audit log."""
    one = await source(tx, source_id)
    secret = await store.open_hook_secret(tx, source_id)
    if not secret:
        raise Invalid("Only a Git repository has a webhook.")
    await tx.audit(actor, "runbook_source.secret_shown", _subject(source_id), now, name=one.name)
    return secret


@permits(Verb.RUNBOOK_SOURCE_WRITE)
async def decide(
    tx: Tx, actor: Actor, source_id: int, commit: str, now: datetime, *, archive: bool
) -> RunbookSource:
    """Allow or ignore the commit that waits; raise `Conflict` if it is no longer the one that waits."""
    one = await _locked(tx, source_id)
    if one.pending is None or one.pending.commit != commit:
        raise Conflict("This commit does not wait for a decision anymore.", hint="Look at the source again.")
    await store.change(
        tx,
        source_id,
        decided_commit=commit,
        archive_allowed=archive,
        pending=None,
        next_sync_at=now,
    )
    action = "runbook_source.archiving_allowed" if archive else "runbook_source.commit_ignored"
    await tx.audit(actor, action, _subject(source_id), now, name=one.name, commit=commit)
    await tx.wake("runbook_sources")
    return one


@internal("Called by the webhook after its signature was checked.")
async def notified(tx: Tx, source_id: int, now: datetime) -> None:
    """Read a source soon, because its host says that it changed."""
    one = await store.source(tx, source_id)
    if one:
        soon = max(now, one.last_tried_at + HOOK_PAUSE) if one.last_tried_at else now
        await store.change(tx, source_id, next_sync_at=min(soon, one.next_sync_at))
        await tx.wake("runbook_sources")


@permits(Verb.RUNBOOK_WRITE)
async def pushed_snapshot(
    tx: Tx, actor: Actor, source_id: int, commit: str, files: Sequence[tuple[str, str]], now: datetime
) -> Snapshot:
    """Return the files that a push source takes; raise `Invalid` if it takes none or there are too many."""
    one = await source(tx, source_id)
    if one.kind is not SourceKind.PUSH:
        raise Invalid(f"{one.name} is not filled by pushes.", hint="Add a source of the kind push.")
    if len(files) > FILES_MAX:
        raise Invalid("There are too many files.", fields={"files": f"Push at most {FILES_MAX:,}."})
    taken = [
        sync_plan.decoded(path, body.encode("utf-8", "replace"), FILE_MAX_CHARS)
        for path, body in dict(files).items()
        if sync_plan.is_read(path, one.paths)
    ]
    return Snapshot(commit, actor.label, now, "", sorted(taken, key=lambda f: f.path))


@permits(Verb.RUNBOOK_WRITE)
async def push(
    tx: Tx, actor: Actor, source_id: int, snapshot: Snapshot, files: PreparedFiles, now: datetime
) -> SyncOutcome:
    """Apply all files of a push source at once, as CI has them; what is missing is archived. Idempotent.

    The files are those of `pushed_snapshot`, prepared before the transaction.
    """
    return await apply(tx, source_id, snapshot, files, now)


async def prepare(files: Sequence[SourceFile], now: datetime) -> PreparedFiles:
    """Return which files can be taken. Each is parsed in another process, so no lock should be held."""
    prepared, refused, present = [], [], set()
    scenarios: dict[str, str] = {}
    rules: dict[str, PreparedRuleFile] = {}
    for file in files:
        if sync_plan.is_scenario(file.path):
            if finding := sync_plan.scenario_refusal(file, len(scenarios)):
                refused.append(finding)
            else:
                scenarios[file.path] = file.body or ""
            continue
        if sync_plan.is_rule_file(file.path):
            read = await rule_files.prepare(file, len(rules))
            if isinstance(read, SourceFinding):
                refused.append(read)
            else:
                rules[file.path] = read
            continue
        if file.body is None:
            refused.append(SourceFinding(file.path, file.problem, "Correct the file."))
            present.add(sync_plan.slug_of_path(file.path))
            continue
        runbook = await read_stored(file.body)
        slug = sync_plan.slug_of(file, runbook)
        if finding := sync_plan.refusal(file, runbook, slug, runbooks.RESERVED_SLUGS):
            refused.append(finding)
            present.add(slug)
        else:
            prepared.append(Prepared(slug, file.path, file.body, runbooks.index_entry(slug, runbook, now)))
    return PreparedFiles(tuple(prepared), tuple(refused), frozenset(present), scenarios, rules)


@internal("Called by the lane of runbook sources, and by a push.")
async def apply(
    tx: Tx, source_id: int, snapshot: Snapshot, files: PreparedFiles, now: datetime
) -> SyncOutcome:
    """Apply one commit to the library; the same commit twice changes nothing.

    A commit that would archive more than half of the runbooks waits for a person, and changes nothing until then.
    """
    one = await _locked(tx, source_id)
    if one.decided_commit == snapshot.commit and not one.archive_allowed:
        await _note_success(tx, one, now)
        return SyncOutcome(SyncResult.IGNORED)
    await runbook_store.lock(tx)
    own = await runbook_store.of_source(tx, source_id)
    current = {r.slug: digest(r.body or "") for r in own}
    archived = {r.slug for r in own if r.archived_at}
    names = {s.id: s.name for s in await store.sources(tx)}
    elsewhere = {
        r.slug: names[r.source_id]
        for r in await runbook_store.all_own(tx)
        if r.source_id not in (None, source_id) and r.archived_at is None and r.source_id in names
    }
    plan = sync_plan.plan(files, current, archived, elsewhere)
    in_library = len(current) - len(archived)
    if sync_plan.needs_approval(plan, in_library) and one.decided_commit != snapshot.commit:
        pending = PendingCommit(
            snapshot.commit, snapshot.author, snapshot.message, snapshot.at, plan.gone, in_library
        )
        await _note_success(tx, one, now, pending=pending)
        return SyncOutcome(SyncResult.WAITING, findings=plan.findings, archives=plan.gone)
    texts = [
        NewText(
            file.slug,
            file.body,
            one.file_url(file.path),
            snapshot.author or one.name,
            file.entry,
            source_id=source_id,
            path=file.path,
            commit=snapshot.commit,
            committed_at=snapshot.at,
        )
        for file in plan.changed
    ]
    await runbook_store.put(tx, texts, now)
    if plan.gone:
        await runbook_store.archive(tx, plan.gone, now)
    if plan.returned:
        await runbook_store.restore_archived(tx, plan.returned)
    scenarios = await store.replace_scenarios(tx, source_id, files.scenarios)
    refused_paths = [finding.path for finding in files.refused]
    changed_rule_files = await store.replace_rule_files(tx, source_id, files.rule_files, refused_paths)
    changes = {
        "changed": len(plan.changed),
        "unchanged": len(plan.unchanged),
        "returned": len(plan.returned),
        "gone": len(plan.gone),
        **({"scenarios": scenarios} if scenarios else {}),
        **({"rule_files": changed_rule_files} if changed_rule_files else {}),
    }
    await _note_success(
        tx,
        one,
        now,
        last_commit=snapshot.commit,
        last_author=snapshot.author,
        files=plan.files,
        findings=plan.findings,
        pending=None,
    )
    is_changed = bool(plan.changed or plan.returned or plan.gone or scenarios or changed_rule_files)
    if is_changed:
        actor = Actor("system", f"Runbook source {one.name}")
        detail = {"name": one.name, "commit": snapshot.commit, **changes}
        await tx.audit(actor, "runbook_source.synced", _subject(source_id), now, **detail)
    return SyncOutcome(
        SyncResult.APPLIED if is_changed else SyncResult.UNCHANGED, changes, plan.findings, plan.gone
    )


@internal("Called by the lane of runbook sources.")
async def note_unchanged(tx: Tx, source_id: int, now: datetime) -> None:
    """Record that a source is at the commit that was read last."""
    if one := await store.lock(tx, source_id):
        await _note_success(tx, one, now, pending=None)


@internal("Called by the lane of runbook sources.")
async def note_failure(tx: Tx, source_id: int, message: str, now: datetime) -> None:
    """Record why a source could not be read; its last good commit stays, and it is tried again."""
    if one := await store.lock(tx, source_id):
        await store.change(
            tx,
            source_id,
            last_tried_at=now,
            last_error=message[:1000],
            next_sync_at=now + timedelta(seconds=one.poll_s),
        )
        await tx.live("runbooks")


async def _note_success(tx: Tx, one: RunbookSource, now: datetime, **changes: object) -> None:
    await store.change(
        tx,
        one.id,
        last_tried_at=now,
        last_ok_at=now,
        last_error="",
        next_sync_at=now + timedelta(seconds=one.poll_s),
        **changes,
    )
    await tx.live("runbooks")


async def _locked(tx: Tx, source_id: int) -> RunbookSource:
    one = await store.lock(tx, source_id)
    if one is None:
        raise NotFound(f"There is no runbook source {source_id}.", hint="Runbook sources lists them.")
    return one


def _subject(source_id: int) -> str:
    return f"runbook_source:{source_id}"
