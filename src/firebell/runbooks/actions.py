"""What is done with runbooks: the library is what is shipped, under what the organization wrote itself."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from firebell.kit import handbook_files, undo
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.events import Actor
from firebell.kit.text import clean_text, slugify
from firebell.people import actions as people
from firebell.runbooks import store
from firebell.runbooks.check import check
from firebell.runbooks.documents import read, read_stored
from firebell.runbooks.model import Finding, Stored
from firebell.runbooks.runbook_html import FOLDER
from firebell.runbooks.store import Own

LONGEST = 200_000
"""How many characters a runbook may have."""
RESERVED = ("new",)
"""Slugs that are pages."""


class Change(StrEnum):
    """What saving a text does to the library."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def _shipped() -> dict[str, str]:
    paths = [p for p in handbook_files.skill_files(FOLDER) if p.endswith(".md")]
    return {path.rpartition("/")[2].removesuffix(".md"): path for path in paths}


def _stored(slug: str, own: Own | None, paths: Mapping[str, str]) -> Stored | None:
    """Return what the library has under a slug, None for nothing."""
    if own and own.body is not None:
        return Stored(slug, own.body, own.source, own.version, slug in paths, own.updated_at, own.updated_by)
    if own is None and slug in paths:
        return Stored(slug, handbook_files.skill(paths[slug]), paths[slug], 0, True, None, "")
    return None


async def library(tx: Tx) -> list[Stored]:
    """Return every runbook by its slug."""
    own, paths = {o.slug: o for o in await store.everything(tx)}, _shipped()
    found = [_stored(slug, own.get(slug), paths) for slug in sorted({*own, *paths})]
    return [f for f in found if f]


async def taken_out(tx: Tx) -> list[str]:
    """Return the slugs of the shipped runbooks that were taken out of the library."""
    paths = _shipped()
    return [o.slug for o in await store.everything(tx) if o.body is None and o.slug in paths]


async def runbook(tx: Tx, slug: str) -> Stored:
    """Return one runbook; raise `NotFound` naming those that exist."""
    found = _stored(slug, await store.own(tx, slug), _shipped())
    if found is None:
        names = ", ".join(r.slug for r in (await library(tx))[:20])
        raise NotFound(f"There is no runbook {slug[:100]}.", hint=f"Runbooks: {names or 'none yet'}.")
    return found


async def slug_of(body: str) -> str:
    """Return the address that the title of a new runbook gives it; raise `Invalid` when it has no title."""
    title = (await read(clean_text(body, LONGEST))).title
    if not title:
        raise Invalid(
            "The runbook has no title.", fields={"body": "Begin with a line such as '# Database failover'."}
        )
    return slugify(title)


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
) -> Change:
    """Keep a text under a slug, in place of a shipped one too; the same text again changes nothing.

    `version` is the one that the text was made from, 0 for the shipped text or none: raises `Conflict` when
    somebody saved since. `dry_run` only says what would be done. Raises `Invalid` for a bad slug or text.
    """
    if slug != slugify(slug) or slug in RESERVED:
        raise Invalid(
            f"{slug[:100]!r} can't be used in a URL.",
            fields={"slug": f"Use {slugify(slug)!r} or another name."},
        )
    if not body.strip() or len(body) > LONGEST:
        raise Invalid(
            "The text is empty or too long.", fields={"body": f"Enter 1 to {LONGEST:,} characters."}
        )
    clean, origin = clean_text(body, LONGEST) + "\n", clean_text(source, 500)
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
        return Change.UNCHANGED
    change = Change.CHANGED if old else Change.CREATED
    if not dry_run:
        await store.put(tx, slug, clean, origin, actor.label, now)
        await tx.audit(actor, f"runbook.{change}", f"runbook:{slug}", now, source=origin)
    return change


async def remove(tx: Tx, actor: Actor, slug: str, now: datetime) -> None:
    """Take a runbook out of the library; a shipped one can be brought back."""
    await store.lock(tx)
    found = await runbook(tx, slug)
    if found.shipped:
        await store.put(tx, slug, None, "", actor.label, now)
    else:
        await store.delete(tx, slug)
    own = {"body": found.body, "source": found.source} if found.own else {}
    await tx.audit(actor, "runbook.removed", f"runbook:{slug}", now, **own)


async def restore_removed(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> str:
    """Bring back a removed runbook as it was and return its slug; raise `Conflict` when someone saved since."""
    slug = entry.subject.partition(":")[2]
    await store.lock(tx)
    kept = await store.own(tx, slug)
    if kept is not None and (kept.body is not None or kept.updated_at != entry.at):
        raise undo.changed_since("someone saved this runbook since.", "View the current text.")
    if "body" in entry.detail:
        await store.put(tx, slug, entry.detail["body"], entry.detail["source"], actor.label, now)
    else:
        await store.delete(tx, slug)
    await tx.audit(actor, "runbook.changed", f"runbook:{slug}", now)
    return slug


async def restore(tx: Tx, actor: Actor, slug: str, now: datetime) -> Stored:
    """Go back to the shipped text; raise `NotFound` when none is shipped under that slug."""
    await store.lock(tx)
    if slug not in _shipped():
        raise NotFound(
            f"No runbook {slug[:100]} comes with Firebell.",
            hint=f"Firebell comes with: {', '.join(_shipped())}.",
        )
    own = await store.own(tx, slug)
    if await store.delete(tx, slug):
        kept = {"body": own.body, "source": own.source} if own and own.body is not None else {"final": True}
        await tx.audit(actor, "runbook.restored", f"runbook:{slug}", now, **kept)
    return await runbook(tx, slug)


async def findings(tx: Tx, runbooks: Iterable[Stored], now: datetime) -> dict[str, list[Finding]]:
    """Return what is wrong with each runbook by its slug.

    Links of a text that comes from a repository are followed there, by `firebell runbook check`, not here.
    """
    teams = await owners(tx)
    slugs = [r.slug for r in await library(tx)]
    known = {*handbook_files.skill_files(), *(f"{FOLDER}/{slug}.md" for slug in slugs)}
    return {
        r.slug: check(
            await read_stored(r.body),
            now.date(),
            folder=FOLDER,
            existing=None if r.own and r.source else known,
            teams=teams,
        )
        for r in runbooks
    }


async def owners(tx: Tx) -> list[str]:
    """Return the names of the teams that have an active member."""
    teams = await people.teams(tx)
    members = await people.members(tx, [t.id for t in teams])
    return [t.name for t in teams if members.get(t.id)]
