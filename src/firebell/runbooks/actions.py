"""Actions on runbooks: the library has the default ones and the organization's own, which replace them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from firebell.kit import handbook_files
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_text, slugify
from firebell.kit.web import undo
from firebell.people import actions as people
from firebell.people.authorization import permits
from firebell.people.permissions import Verb
from firebell.runbooks import store
from firebell.runbooks.check import check
from firebell.runbooks.isolated_parser import read, read_stored
from firebell.runbooks.model import LibraryRunbook, RunbookFinding
from firebell.runbooks.runbook_html import FOLDER
from firebell.runbooks.store import OwnRunbook

BODY_MAX_CHARS = 200_000
_SOURCE_MAX_CHARS = 500
RESERVED_SLUGS = ("new", "runs")
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
    """Return the runbook that the library has under a slug, None if it has none or hides it."""
    if own and own.body is not None:
        return LibraryRunbook(
            slug=slug,
            body=own.body,
            source=own.source,
            version=own.version,
            shipped=slug in paths,
            updated_at=own.updated_at,
            updated_by=own.updated_by,
        )
    if own is None and slug in paths:
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
    """Return all runbooks of the library by slug."""
    own_by_slug, paths = {own.slug: own for own in await store.all_own(tx)}, _shipped()
    stored = [_stored(slug, own_by_slug.get(slug), paths) for slug in sorted({*own_by_slug, *paths})]
    return [runbook for runbook in stored if runbook]


async def hidden_slugs(tx: Tx) -> list[str]:
    """Return the slugs of the default runbooks that the library hides."""
    paths = _shipped()
    return [o.slug for o in await store.all_own(tx) if o.body is None and o.slug in paths]


async def runbook(tx: Tx, slug: str) -> LibraryRunbook:
    """Return a runbook; raise `NotFound` naming those that exist."""
    stored = _stored(slug, await store.own(tx, slug), _shipped())
    if stored is None:
        names = ", ".join(r.slug for r in (await library(tx))[:20])
        raise NotFound(f"There is no runbook {slug[:100]}.", hint=f"Runbooks: {names or 'none yet'}.")
    return stored


async def slug_of(body: str) -> str:
    """Return the slug of a new runbook, from its title; raise `Invalid` if it has none."""
    title = (await read(clean_text(body, BODY_MAX_CHARS, "body"))).title
    if not title:
        raise Invalid(
            "The runbook has no title.", fields={"body": "Begin with a line such as '# Database failover'."}
        )
    return slugify(title)


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
    if not body.strip() or len(body) > BODY_MAX_CHARS:
        raise Invalid(
            "The text is empty or too long.", fields={"body": f"Enter 1 to {BODY_MAX_CHARS:,} characters."}
        )
    clean, origin = (
        clean_text(body, BODY_MAX_CHARS, "body") + "\n",
        clean_text(source, _SOURCE_MAX_CHARS, "source"),
    )
    await read(clean)
    await store.lock(tx)
    own = await store.own(tx, slug)
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
        await store.put(tx, slug, clean, origin, actor.label, now)
        await tx.audit(actor, f"runbook.{change}", f"runbook:{slug}", now, source=origin)
    return change


@permits(Verb.RUNBOOK_WRITE)
async def remove(tx: Tx, actor: Actor, slug: str, now: datetime) -> None:
    """Delete a runbook, or hide a default one, which can be restored."""
    await store.lock(tx)
    stored = await runbook(tx, slug)
    if stored.shipped:
        await store.put(tx, slug, None, "", actor.label, now)
    else:
        await store.delete(tx, slug)
    removed = {"body": stored.body, "source": stored.source} if stored.own else {}
    await tx.audit(actor, "runbook.removed", f"runbook:{slug}", now, **removed)


@permits(Verb.RUNBOOK_WRITE)
async def restore_removed(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> str:
    """Restore a removed runbook as it was and return its slug; raise `Conflict` if someone saved it since."""
    slug = entry.subject.partition(":")[2]
    await store.lock(tx)
    own = await store.own(tx, slug)
    if own is not None and (own.body is not None or own.updated_at != entry.at):
        raise undo.changed_since("someone saved this runbook since.", "View the current text.")
    if "body" in entry.detail:
        await store.put(tx, slug, entry.detail["body"], entry.detail["source"], actor.label, now)
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
    if await store.delete(tx, slug):
        replaced = (
            {"body": own.body, "source": own.source} if own and own.body is not None else {"final": True}
        )
        await tx.audit(actor, "runbook.restored", f"runbook:{slug}", now, **replaced)
    return await runbook(tx, slug)


async def findings(
    tx: Tx, runbooks: Iterable[LibraryRunbook], now: datetime
) -> dict[str, list[RunbookFinding]]:
    """Return the findings of each runbook by slug.

    Links of a text from a repository are checked there, by `firebell runbook check`, not here.
    """
    teams = await owning_teams(tx)
    slugs = [r.slug for r in await library(tx)]
    existing_paths = {*handbook_files.skill_files(), *(f"{FOLDER}/{slug}.md" for slug in slugs)}
    return {
        r.slug: check(
            await read_stored(r.body),
            now.date(),
            folder=FOLDER,
            existing=None if r.own and r.source else existing_paths,
            teams=teams,
        )
        for r in runbooks
    }


async def owning_teams(tx: Tx) -> list[str]:
    """Return the names of the teams with an active member."""
    teams = await people.teams(tx)
    members = await people.members(tx, [t.id for t in teams])
    return [t.name for t in teams if members.get(t.id)]
