"""What is done with the handbook's templates: read, worded anew, put back, kept in a Git repository."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from firebell.handbook import library, store, templates
from firebell.handbook.model import Change, Own, Shipped, Source, Step, Template
from firebell.kit import undo
from firebell.kit.db import Tx
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.events import Actor
from firebell.kit.offload import DOCUMENTS, TakesTooLong
from firebell.kit.text import clean_text

table = library.table


def _shipped(template_id: str) -> Shipped:
    found = library.shipped().get(template_id)
    if found is None:
        known = ", ".join(library.shipped())
        raise NotFound(f"There is no template {template_id[:100]!r}.", hint=f"Use one of: {known}.")
    return found


async def template(tx: Tx, template_id: str) -> Template:
    """Return the organization's own text, else the shipped one; raise `NotFound` that names the ids."""
    shipped = _shipped(template_id)
    return Template(shipped, await store.own(tx, template_id))


async def all_templates(tx: Tx) -> dict[str, Template]:
    """Return the text for each id, in the order of the handbook."""
    own = {o.id: o for o in await store.all_own(tx)}
    return {name: Template(shipped, own.get(name)) for name, shipped in library.shipped().items()}


async def set_template(tx: Tx, actor: Actor, template_id: str, body: str, now: datetime) -> Template:
    """Word a template anew; the shipped text word for word means that none is kept.

    Raises `Invalid` for an empty or too long text and for a slot that does not exist.
    """
    shipped = _shipped(template_id)
    if why := templates.fault(shipped, body):
        raise Invalid("This text can't be saved.", fields={"body": why})
    clean = clean_text(body, templates.LONGEST) + "\n"
    await store.lock(tx)
    if templates.same(clean, shipped.body):
        return await _reset(tx, actor, shipped, now)
    old = await store.own(tx, template_id)
    if old is None or old.body != clean or old.source is not Source.APP:
        await store.put(tx, template_id, clean, Source.APP, actor.label, now)
        await tx.audit(actor, "template.changed", f"template:{template_id}", now, source=Source.APP)
    return Template(shipped, Own(template_id, clean, Source.APP, actor.label, now))


async def reset(tx: Tx, actor: Actor, template_id: str, now: datetime) -> Template:
    """Go back to the shipped text; a second time changes nothing."""
    await store.lock(tx)
    return await _reset(tx, actor, _shipped(template_id), now)


async def _reset(tx: Tx, actor: Actor, shipped: Shipped, now: datetime) -> Template:
    own = await store.own(tx, shipped.id)
    if own and await store.delete(tx, shipped.id):
        kept = {"body": own.body, "source": own.source}
        await tx.audit(actor, "template.reset", f"template:{shipped.id}", now, **kept)
    return Template(shipped, None)


async def restore_own(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> str:
    """Bring back the text that a reset replaced and return its template; raise `Conflict` when one is set."""
    template_id = entry.subject.partition(":")[2]
    await store.lock(tx)
    if await store.own(tx, template_id):
        raise undo.changed_since("someone saved this template since.", "View the current text.")
    source = Source(entry.detail["source"])
    await store.put(tx, template_id, entry.detail["body"], source, actor.label, now)
    await tx.audit(actor, "template.changed", f"template:{template_id}", now, source=source)
    return template_id


async def _read(text: str) -> tuple[list[Shipped], dict[int, str]]:
    try:
        answer = await DOCUMENTS.call("firebell.handbook.templates:read", text)
    except TakesTooLong as exc:
        raise Invalid("A file takes too long to read.", hint="Split it into one file per template.") from exc
    return msgspec.json.decode(answer, type=tuple[list[Shipped], dict[int, str]])


async def apply(
    tx: Tx,
    actor: Actor,
    files: Mapping[str, str],
    now: datetime,
    *,
    prune: bool = False,
    dry_run: bool = False,
) -> list[Change]:
    """Make the organization's texts those of the Markdown `files` of a repository, all of them or none.

    What an earlier apply set and the files no longer name goes back to the shipped text; what was set in the
    app stays unless `prune`. Raises `Invalid` whose fields are `file:line`.
    """
    parsed = {text: await _read(text) for text in files.values()}
    bodies = templates.gathered(files, library.shipped(), parsed.__getitem__)
    clean = {name: clean_text(body, templates.LONGEST) + "\n" for name, body in bodies.items()}
    await store.lock(tx)
    changes = templates.plan(clean, library.shipped(), await store.all_own(tx), prune=prune)
    if dry_run:
        return changes
    for change in changes:
        if change.step is Step.REMOVED:
            await store.delete(tx, change.id)
        elif change.step is not Step.UNCHANGED:
            assert change.body
            await store.put(tx, change.id, change.body, Source.GIT, actor.label, now)
    done = {c.id: c.step for c in changes if c.step is not Step.UNCHANGED}
    if done:
        await tx.audit(actor, "templates.applied", "templates", now, **{str(k): v for k, v in done.items()})
    return changes
