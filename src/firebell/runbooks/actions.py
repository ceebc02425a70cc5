"""Actions on runbooks: the library has the default ones and the organization's own, which replace them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from firebell.alerts.model import Alert
from firebell.catalog.model import Service
from firebell.kit import handbook_files, undo
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import MAX_ID, clean_text, slugify
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.runbooks import coverage, matching, store
from firebell.runbooks.isolated_parser import read, read_stored
from firebell.runbooks.library_checks import untested
from firebell.runbooks.matching import RunbookLink
from firebell.runbooks.model import IndexEntry, LibraryRunbook, Runbook, RunbookFinding, RunbookVersion
from firebell.runbooks.runbook_html import FOLDER
from firebell.runbooks.runs import store as run_store
from firebell.runbooks.runs import summary_store
from firebell.runbooks.sources import store as source_store
from firebell.runbooks.store import NewText, OwnRunbook
from firebell.runbooks.text_checks import check

rule_files = source_store.rule_files
scenario_texts = source_store.scenario_texts

BODY_MAX_CHARS = 200_000
_SOURCE_MAX_CHARS = 500
VERSIONS_MAX = 100
"""Number of versions that a request lists."""
RESERVED_SLUGS = ("new", "runs", "sources")
"""Slugs whose address is another screen."""


class LibraryChange(StrEnum):
    """What saving a text did to the library."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def _shipped() -> dict[str, str]:
    """Return the path of each default runbook, by slug."""
    paths = [p for p in handbook_files.skill_files(FOLDER) if p.endswith(".md")]
    return {path.rpartition("/")[2].removesuffix(".md"): path for path in paths}


def _stored(slug: str, own: OwnRunbook | None, paths: Mapping[str, str]) -> LibraryRunbook | None:
    """Return the runbook that the library has under a slug, None if it has none or hides it.

    An archived text gives way to a default one; otherwise its address still shows it.
    """
    is_archived = bool(own and own.archived_at)
    if own and own.body is not None and not (is_archived and slug in paths):
        return LibraryRunbook(
            slug=slug,
            body=own.body,
            source=own.source,
            version=own.version,
            shipped=slug in paths,
            updated_at=own.updated_at,
            updated_by=own.updated_by,
            source_id=own.source_id,
            commit=own.commit,
            archived_at=own.archived_at,
        )
    if (own is None or is_archived) and slug in paths:
        return LibraryRunbook(
            slug=slug,
            body=handbook_files.skill(paths[slug]),
            source=paths[slug],
            version=0,
            shipped=True,
            updated_at=None,
            updated_by="",
        )
    return None


async def library(tx: Tx) -> list[LibraryRunbook]:
    """Return all runbooks of the library by slug, without archived ones."""
    own_by_slug, paths = {own.slug: own for own in await store.all_own(tx)}, _shipped()
    stored = [_stored(slug, own_by_slug.get(slug), paths) for slug in sorted({*own_by_slug, *paths})]
    return [runbook for runbook in stored if runbook and not runbook.archived_at]


async def titles(tx: Reads) -> dict[str, str]:
    """Return the titles of all runbooks of the library by slug, without archived ones; reads no texts of own ones."""
    own = await store.titles(tx)
    shipped = {slug: shipped_title(slug) for slug in _shipped() if slug not in own}
    named = {**shipped, **{slug: title or slug for slug, title in own.items() if title is not None}}
    return dict(sorted(named.items(), key=lambda item: (item[1].casefold(), item[0])))


async def hidden_slugs(tx: Tx) -> list[str]:
    """Return the slugs of the default runbooks that the library hides."""
    paths = _shipped()
    return [o.slug for o in await store.all_own(tx) if o.body is None and o.slug in paths]


async def runbook(tx: Tx, slug: str) -> LibraryRunbook:
    """Return a runbook, archived or not; raise `NotFound` naming those that exist."""
    stored = _stored(slug, await store.own(tx, slug), _shipped())
    if stored is None:
        names = ", ".join(r.slug for r in (await library(tx))[:20])
        raise NotFound(f"There is no runbook {slug[:100]}.", hint=f"Runbooks: {names or 'none yet'}.")
    return stored


async def runbooks_by_slug(tx: Reads, slugs: Collection[str]) -> dict[str, LibraryRunbook]:
    """Return the runbooks of these slugs, archived ones too; slugs without one are absent."""
    own, paths = await store.own_by_slug(tx, slugs), _shipped()
    stored = {slug: _stored(slug, own.get(slug), paths) for slug in slugs}
    return {slug: runbook for slug, runbook in stored.items() if runbook}


def index_entry(slug: str, parsed: Runbook, now: datetime) -> IndexEntry:
    """Return what matching needs of a runbook, from its text alone."""
    errors = sum(f.level == "error" for f in check(parsed, now.date()))
    return IndexEntry(slug, parsed.title, parsed.front.triggers, parsed.front.services, errors)


def _refuse_if_kept_elsewhere(own: OwnRunbook | None) -> None:
    if own and own.source_id is not None and own.archived_at is None:
        raise Conflict(
            f"This runbook is kept in a runbook source, as {own.path}.",
            hint="Change the file there; the next sync brings the change here.",
        )


def slug_of(runbook: Runbook) -> str:
    """Return the slug of a new runbook, from its title; raise `Invalid` if it has none."""
    if not runbook.title:
        raise Invalid(
            "The runbook has no title.", fields={"body": "Begin with a line such as '# Database failover'."}
        )
    return slugify(runbook.title)


def _clean_body(body: str) -> str:
    """Return a text as it is stored; raise `Invalid` if it is empty or too long."""
    if not body.strip() or len(body) > BODY_MAX_CHARS:
        raise Invalid(
            "The text is empty or too long.", fields={"body": f"Enter 1 to {BODY_MAX_CHARS:,} characters."}
        )
    return clean_text(body, BODY_MAX_CHARS, "body") + "\n"


async def parse_new_text(body: str) -> Runbook:
    """Parse a text before the transaction that saves it, because parsing can take seconds.

    `save` then finds it in the cache. Raise `Invalid` if it is empty, too long, or takes too long to parse.
    """
    return await read(_clean_body(body))


@permits(Verb.RUNBOOK_WRITE)
async def save(
    tx: Tx,
    actor: Actor,
    slug: str,
    body: str,
    now: datetime,
    *,
    source: str = "",
    version: int | None = None,
    dry_run: bool = False,
) -> LibraryChange:
    """Create or update a runbook, which may replace a default one. Idempotent for the same text.

    `version` is the one that the text is based on, 0 for the default text or none: raise `Conflict` if it is
    not the current one. With `dry_run` nothing is saved. Raise `Invalid` for a bad slug or text.
    """
    if slug != slugify(slug) or slug in RESERVED_SLUGS:
        raise Invalid(
            f"{slug[:100]!r} can't be used in a URL.",
            fields={"slug": f"Use {slugify(slug)!r} or another name."},
        )
    clean, origin = _clean_body(body), clean_text(source, _SOURCE_MAX_CHARS, "source")
    entry = index_entry(slug, await read(clean), now)
    await store.lock(tx)
    own = await store.own(tx, slug)
    _refuse_if_kept_elsewhere(own)
    old = _stored(slug, own, _shipped())
    if version is not None and version != (old.version if old else 0):
        raise Conflict(
            "Someone else saved this runbook while you edited it.",
            hint="Nothing is lost: their version is shown above yours. Combine the two and save again.",
        )
    if old and old.own and (old.body, old.source) == (clean, origin):
        return LibraryChange.UNCHANGED
    change = LibraryChange.CHANGED if old else LibraryChange.CREATED
    if not dry_run:
        await store.put(tx, [NewText(slug, clean, origin, actor.label, entry)], now)
        await tx.audit(actor, f"runbook.{change}", f"runbook:{slug}", now, source=origin)
    return change


@permits(Verb.RUNBOOK_WRITE)
async def remove(tx: Tx, actor: Actor, slug: str, now: datetime) -> None:
    """Delete a runbook, or hide a default one, which can be restored."""
    await store.lock(tx)
    stored = await runbook(tx, slug)
    _refuse_if_kept_elsewhere(await store.own(tx, slug))
    if stored.shipped:
        await store.put(tx, [NewText(slug, None, "", actor.label, IndexEntry(slug, ""))], now)
    else:
        await store.delete(tx, slug)
    removed = {"body": stored.body, "source": stored.source} if stored.own else {}
    await tx.audit(actor, "runbook.removed", f"runbook:{slug}", now, **removed)


@permits(Verb.RUNBOOK_WRITE)
async def restore_removed(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> str:
    """Restore a removed runbook as it was and return its slug; raise `Conflict` if someone saved it since."""
    slug, body = entry.subject.partition(":")[2], entry.detail.get("body")
    # parsed before the library is locked, because parsing can take seconds
    index = index_entry(slug, await read_stored(body), now) if body is not None else None
    await store.lock(tx)
    own = await store.own(tx, slug)
    if own is not None and (own.body is not None or own.updated_at != entry.at):
        raise undo.changed_since("someone saved this runbook since.", "View the current text.")
    if index is not None:
        await store.put(tx, [NewText(slug, body, entry.detail["source"], actor.label, index)], now)
    else:
        await store.delete(tx, slug)
    await tx.audit(actor, "runbook.changed", f"runbook:{slug}", now)
    return slug


@permits(Verb.RUNBOOK_WRITE)
async def restore(tx: Tx, actor: Actor, slug: str, now: datetime) -> LibraryRunbook:
    """Restore the default text; raise `NotFound` if there is no default runbook with this slug."""
    await store.lock(tx)
    if slug not in _shipped():
        raise NotFound(
            f"No runbook {slug[:100]} comes with Firebell.",
            hint=f"Firebell comes with: {', '.join(_shipped())}.",
        )
    own = await store.own(tx, slug)
    _refuse_if_kept_elsewhere(own)
    if await store.delete(tx, slug):
        replaced = (
            {"body": own.body, "source": own.source} if own and own.body is not None else {"final": True}
        )
        await tx.audit(actor, "runbook.restored", f"runbook:{slug}", now, **replaced)
    return await runbook(tx, slug)


async def last_exercised(tx: Reads, runbooks: Iterable[LibraryRunbook]) -> dict[str, datetime]:
    """Return when runbooks were last exercised, by slug: the end of a real run that did most of its steps."""
    return await summary_store.last_exercised(tx, [r.slug for r in runbooks])


async def parsed_texts(runbooks: Iterable[LibraryRunbook]) -> dict[str, Runbook]:
    """Return parsed runbooks by slug; one that takes too long to parse is empty."""
    return {r.slug: await read_stored(r.body) for r in runbooks}


async def findings(
    tx: Tx,
    runbooks: Sequence[LibraryRunbook],
    parsed: Mapping[str, Runbook],
    exercised: Mapping[str, datetime],
    now: datetime,
) -> dict[str, list[RunbookFinding]]:
    """Return the findings of each runbook by slug; `exercised` has when they were last exercised.

    Links of a text from a repository are checked there, by `firebell runbook check`, not here.
    """
    teams, created = await owning_teams(tx), await store.created(tx, [r.slug for r in runbooks])
    slugs = [r.slug for r in await library(tx)]
    existing_paths = {*handbook_files.skill_files(), *(f"{FOLDER}/{slug}.md" for slug in slugs)}
    findings_by_slug = {}
    for r in runbooks:
        findings_by_slug[r.slug] = check(
            parsed[r.slug],
            now.date(),
            folder=FOLDER,
            existing=None if r.own and r.source else existing_paths,
            teams=teams,
        )
        findings_by_slug[r.slug] += untested(exercised.get(r.slug), created.get(r.slug), now)
    return findings_by_slug


@internal("Part of merging two incidents.")
async def move_runs(tx: Tx, incident_id: int, into_id: int) -> None:
    """Move the runs of an incident that was merged to the one that it was merged into; open ones continue there."""
    for run_id in await run_store.move_to_incident(tx, incident_id, into_id):
        await tx.live(f"run-{run_id}")


async def owning_teams(tx: Tx) -> list[str]:
    """Return the names of the teams with an active member."""
    teams = await people.teams(tx)
    members = await people.members(tx, [t.id for t in teams])
    return [t.name for t in teams if members.get(t.id)]


async def versions(
    tx: Reads, slug: str, before: int = MAX_ID, limit: int = VERSIONS_MAX
) -> list[RunbookVersion]:
    """Return the versions of a runbook, newest first; empty for a default text that no one replaced."""
    return await store.versions(tx, slug, before, limit)


async def version(tx: Reads, slug: str, number: int) -> RunbookVersion:
    """Return one version of a runbook; raise `NotFound`."""
    one = await store.version(tx, slug, number)
    if one is None:
        raise NotFound(
            f"Runbook {slug[:100]} has no version {number}.", hint="Its history lists the versions."
        )
    return one


@permits(Verb.RUNBOOK_WRITE)
async def restore_version(tx: Tx, actor: Actor, slug: str, number: int, now: datetime) -> LibraryChange:
    """Save the text of an earlier version as the newest one; the versions between stay. Idempotent."""
    earlier = await version(tx, slug, number)
    own = await store.own(tx, slug)
    return await save(tx, actor, slug, earlier.body, now, source=own.source if own else "")


async def index(tx: Reads, urls: Iterable[str], public_url: str) -> list[IndexEntry]:
    """Return what matching needs: the runbooks that state when they apply, and those that the addresses show."""
    slugs = {slug for slug in (matching.slug_of(url, public_url) for url in urls) if slug}
    entries = await store.index_entries(tx, slugs)
    missing = (slugs - {entry.slug for entry in entries}) & _shipped().keys()
    hidden = (await store.own_by_slug(tx, missing)).keys() if missing else set()
    return entries + [IndexEntry(slug, shipped_title(slug)) for slug in sorted(missing - hidden)]


def shipped_title(slug: str) -> str:
    """Return the title of a default runbook, read without a parser: messages about pages wait for no process."""
    return title_line(handbook_files.skill(_shipped()[slug]), slug)


def title_line(body: str, slug: str) -> str:
    """Return the first heading of a text, the slug without one."""
    return next((line[2:].strip() for line in body.split("\n") if line.startswith("# ")), slug)


def links(
    alerts: Iterable[Alert], service: Service | None, entries: Iterable[IndexEntry], public_url: str
) -> list[RunbookLink]:
    """Return the runbooks to show beside alerts of a service: at most three, best first."""
    signals, facts = coverage.signals_of(alerts, service), coverage.facts_of(service)
    return matching.links(signals, facts, matching.rank(signals, facts, entries, public_url), public_url)


def has_trigger(labels: Mapping[str, str], entries: Iterable[IndexEntry]) -> bool:
    """Return True if a trigger of one of the runbooks matches the labels."""
    return any(matching.conditions(trigger, labels) for entry in entries for trigger in entry.triggers)


def own_entry(
    labels: Mapping[str, str], service: Service | None, entries: Iterable[IndexEntry], public_url: str
) -> IndexEntry | None:
    """Return the best runbook in the library that belongs to an alert with these labels, or to its service."""
    facts = matching.ServiceFacts(service.slug, service.name, service.runbook_url) if service else None
    ranked = matching.rank([matching.Signal(labels)], facts or matching.ServiceFacts(), entries, public_url)
    best = next(iter(ranked), None)
    return best.entry if best and best.match_class >= matching.MatchClass.SERVICE_LINK else None


def has_own(links: Iterable[RunbookLink]) -> bool:
    """Return True if one of the runbooks belongs to an alert itself or to its service."""
    return any(link.match_class >= matching.MatchClass.SERVICE_LINK for link in links)


async def suggestions(
    tx: Reads, alerts_by_service: Iterable[tuple[Service | None, Sequence[Alert]]], public_url: str
) -> list[RunbookLink]:
    """Return the runbooks to show beside the alerts of some services: at most three, best first."""
    pairs = list(alerts_by_service)
    urls = [alert.links.get("runbook", "") for _, alerts in pairs for alert in alerts]
    urls += [service.runbook_url for service, _ in pairs if service]
    entries = await index(tx, urls, public_url)
    every = (link for service, alerts in pairs for link in links(alerts, service, entries, public_url))
    return matching.best(every)
