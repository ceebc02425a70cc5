"""Choose which entries the timeline of a document shows; its block keeps the references (spec 11.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup
from firebell.postmortems.document import sections
from firebell.postmortems.document.blocks import chosen_entries, timeline_block, with_choice
from firebell.postmortems.document.timeline_choice import CHOSEN_MAX
from firebell.postmortems.drafting.facts import DraftFact, facts
from firebell.postmortems.drafting.queries import load_sources
from firebell.postmortems.drafting.timeline_rows import select
from firebell.postmortems.editing.saving import store_version
from firebell.postmortems.model import Postmortem, VersionReason
from firebell.postmortems.text_limits import clean_body


class EntryChoice(StrEnum):
    """Why an entry is shown or left out: the rule, or a person."""

    RULE = "rule"
    SHOWN = "shown"
    HIDDEN = "hidden"


class EntryFilter(StrEnum):
    """Which entries are listed."""

    ALL = "all"
    SHOWN = "shown"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class ChoosableEntry:
    """Something that was recorded, and whether the timeline of the document has a row for it."""

    fact: DraftFact
    is_shown: bool
    choice: EntryChoice


@dataclass(frozen=True, slots=True)
class ChoosableEntries:
    """Everything that the timeline of a document can show, in order."""

    postmortem: Postmortem
    entries: Sequence[ChoosableEntry]
    has_block: bool

    @property
    def shown(self) -> int:
        """How many entries have a row."""
        return sum(entry.is_shown for entry in self.entries)

    @property
    def is_chosen(self) -> bool:
        """True if a person chose any of them."""
        return any(entry.choice is not EntryChoice.RULE for entry in self.entries)

    def filtered(self, words: str, only: EntryFilter) -> list[ChoosableEntry]:
        """Return the entries that contain all words, in any order, whatever their capitals."""
        wanted = words.casefold().split()
        return [
            entry
            for entry in self.entries
            if (only is EntryFilter.ALL or entry.is_shown == (only is EntryFilter.SHOWN))
            and all(word in _text(entry.fact) for word in wanted)
        ]


@dataclass(frozen=True, slots=True)
class NewChoice:
    """Entries to show, to leave out, and to leave to the rule again, by their keys; or every choice is reset."""

    show: Sequence[str] = ()
    hide: Sequence[str] = ()
    reset: Sequence[str] = ()
    reset_all: bool = False


async def choosable_entries(tx: Tx, incident_id: int, now: datetime) -> ChoosableEntries:
    """Return what the timeline of a document can show; raise `NotFound` as `lookup.of_incident` does."""
    postmortem = await lookup.of_incident(tx, incident_id)
    return await _choosable(tx, postmortem, now)


@permits(Verb.POSTMORTEM_WRITE)
async def choose_entries(
    tx: Tx, actor: Actor, incident_id: int, new: NewChoice, now: datetime
) -> ChoosableEntries:
    """Change which entries the timeline of a document shows, as a new version, and return them all.

    Other entries keep what was chosen for them, so that two people who choose at once both get their way. Raise
    `Conflict` without a timeline block, `Invalid` for an entry that the document does not have.
    """
    postmortem = await lookup.locked(tx, incident_id)
    block = timeline_block(postmortem.body)
    if block is None:
        raise Conflict(
            f"The post-mortem of {postmortem.ref} has no live timeline.",
            hint="Add a line with {{timeline}} to its section Timeline.",
        )
    before = await _choosable(tx, postmortem, now)
    known = {entry.fact.key for entry in before.entries}
    for field, keys in (("show", new.show), ("hide", new.hide)):
        if unknown := [key for key in keys if key not in known]:
            raise Invalid(
                f"The post-mortem of {postmortem.ref} has no entry {unknown[0][:40]}.",
                fields={field: "Use the keys that the list of entries has."},
            )
    if both := set(new.show) & set(new.hide):
        raise Invalid(
            f"Entry {min(both)} is both shown and hidden.", fields={"hide": "Name each entry once."}
        )
    choice = chosen_entries(postmortem.body).with_changes(
        show=new.show, hide=new.hide, reset=None if new.reset_all else new.reset
    )
    if len(choice.shown) + len(choice.hidden) > CHOSEN_MAX:
        raise Invalid(
            f"A timeline can name {CHOSEN_MAX} chosen entries at most.",
            fields={"show": "Leave more of them to the rule."},
        )
    body = clean_body(with_choice(postmortem.body, block, choice))
    if body == postmortem.body:
        return before
    section = max(
        (part for part in sections.split(postmortem.body) if part.line <= block.line),
        key=lambda part: part.line,
    )
    await store_version(
        tx, actor, postmortem, body, VersionReason.SAVE, now, section=section.slug, is_audited=False
    )
    await tx.audit(
        *(actor, "postmortem.entries_chosen", postmortem.ref, now),
        shown=sorted(choice.shown),
        hidden=sorted(choice.hidden),
    )
    return await _choosable(tx, await lookup.of_incident(tx, incident_id), now)


async def _choosable(tx: Tx, postmortem: Postmortem, now: datetime) -> ChoosableEntries:
    sources = await load_sources(tx, await lookup.incident_ids(tx, postmortem), now)
    recorded = facts(sources)
    choice = chosen_entries(postmortem.body)
    shown = {row.fact.key for row in select(recorded, choice).rows}
    entries = [
        ChoosableEntry(
            fact,
            fact.key in shown,
            EntryChoice.SHOWN
            if fact.key in choice.shown
            else (EntryChoice.HIDDEN if fact.key in choice.hidden else EntryChoice.RULE),
        )
        for fact in recorded
    ]
    return ChoosableEntries(postmortem, entries, timeline_block(postmortem.body) is not None)


def _text(fact: DraftFact) -> str:
    return f"{fact.key} {fact.who} {fact.text}".casefold()
