"""Actions on templates: get, update, reset, and apply from a Git repository."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from firebell.handbook import shipped_content, store, templates
from firebell.handbook.model import ChangeStep, OwnTemplate, Shipped, Template, TemplateChange, TemplateSource
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.process_pool import DOCUMENTS, TakesTooLong
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

table = shipped_content.table


def _shipped(template_id: str) -> Shipped:
    shipped = shipped_content.shipped().get(template_id)
    if shipped is None:
        known = ", ".join(shipped_content.shipped())
        raise NotFound(f"There is no template {template_id[:100]!r}.", hint=f"Use one of: {known}.")
    return shipped


async def template(tx: Tx, template_id: str) -> Template:
    """Return a template with the organization's own text or the default; raise `NotFound` naming the ids."""
    shipped = _shipped(template_id)
    return Template(shipped, await store.own(tx, template_id))


async def all_templates(tx: Tx) -> dict[str, Template]:
    """Return all templates by id, in the order of the handbook."""
    own = {o.id: o for o in await store.all_own(tx)}
    return {name: Template(shipped, own.get(name)) for name, shipped in shipped_content.shipped().items()}


@permits(Verb.TEMPLATE_WRITE)
async def set_template(tx: Tx, actor: Actor, template_id: str, body: str, now: datetime) -> Template:
    """Update a template; saving the default text resets it.

    Raise `Invalid` for a text that is empty, too long, or has an unknown placeholder.
    """
    shipped = _shipped(template_id)
    if problem := templates.fault(shipped, body):
        raise Invalid("This text can't be saved.", fields={"body": problem})
    body = clean_text(body, templates.BODY_MAX_CHARS, "body") + "\n"
    await store.lock(tx)
    if templates.same(body, shipped.body):
        return await _reset(tx, actor, shipped, now)
    own = await store.own(tx, template_id)
    if own is None or own.body != body or own.source is not TemplateSource.APP:
        await store.put(tx, template_id, body, TemplateSource.APP, actor.label, now)
        await tx.audit(actor, "template.changed", f"template:{template_id}", now, source=TemplateSource.APP)
    return Template(shipped, OwnTemplate(template_id, body, TemplateSource.APP, actor.label, now))


@permits(Verb.TEMPLATE_WRITE)
async def reset(tx: Tx, actor: Actor, template_id: str, now: datetime) -> Template:
    """Reset a template to the default text. Idempotent."""
    await store.lock(tx)
    return await _reset(tx, actor, _shipped(template_id), now)


async def _reset(tx: Tx, actor: Actor, shipped: Shipped, now: datetime) -> Template:
    own = await store.own(tx, shipped.id)
    if own and await store.delete(tx, shipped.id):
        replaced = {"body": own.body, "source": own.source}
        await tx.audit(actor, "template.reset", f"template:{shipped.id}", now, **replaced)
    return Template(shipped, None)


@permits(Verb.TEMPLATE_WRITE)
async def restore_own(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> str:
    """Restore the text that a reset replaced and return the template's id; raise `Conflict` if it was edited since."""
    template_id = entry.subject.partition(":")[2]
    await store.lock(tx)
    if await store.own(tx, template_id):
        raise undo.changed_since("someone saved this template since.", "View the current text.")
    source = TemplateSource(entry.detail["source"])
    await store.put(tx, template_id, entry.detail["body"], source, actor.label, now)
    await tx.audit(actor, "template.changed", f"template:{template_id}", now, source=source)
    return template_id


Parsed = tuple[list[Shipped], dict[int, str]]
"""The templates in a file, and what is wrong in its lines."""


async def _read(text: str) -> Parsed:
    try:
        answer = await DOCUMENTS.call("firebell.handbook.templates:read", text)
    except TakesTooLong as exc:
        raise Invalid("A file takes too long to read.", hint="Split it into one file per template.") from exc
    parsed: Parsed = msgspec.json.decode(answer, type=Parsed)
    return parsed


async def read_files(files: Mapping[str, str]) -> dict[str, Parsed]:
    """Return the parsed templates of each text. Call it outside a transaction: another process parses, for seconds."""
    return {text: await _read(text) for text in files.values()}


@permits(Verb.TEMPLATE_WRITE)
async def apply(
    tx: Tx,
    actor: Actor,
    files: Mapping[str, str],
    parsed: Mapping[str, Parsed],
    now: datetime,
    *,
    prune: bool = False,
    dry_run: bool = False,
) -> list[TemplateChange]:
    """Apply the templates in Markdown `files` of a repository, as `read_files` parsed them, all of them or none.

    Templates of an earlier apply that the files no longer contain are reset; those edited in the app are kept
    unless `prune`. Raise `Invalid` whose fields are `file:line`.
    """
    bodies = templates.gathered(files, shipped_content.shipped(), parsed.__getitem__)
    cleaned = {
        name: clean_text(body, templates.BODY_MAX_CHARS, "body") + "\n" for name, body in bodies.items()
    }
    await store.lock(tx)
    changes = templates.plan(cleaned, shipped_content.shipped(), await store.all_own(tx), prune=prune)
    if dry_run:
        return changes
    for change in changes:
        if change.step is ChangeStep.REMOVED:
            await store.delete(tx, change.id)
        elif change.step is not ChangeStep.UNCHANGED:
            assert change.body
            await store.put(tx, change.id, change.body, TemplateSource.GIT, actor.label, now)
    steps = {c.id: c.step for c in changes if c.step is not ChangeStep.UNCHANGED}
    if steps:
        await tx.audit(actor, "templates.applied", "templates", now, **{str(k): v for k, v in steps.items()})
    return changes
