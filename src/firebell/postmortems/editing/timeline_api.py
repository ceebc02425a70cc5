"""The API of the entries that the timeline of a document shows."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, PageParams, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import actions
from firebell.postmortems.document.timeline_choice import CHOSEN_MAX, KEY
from firebell.postmortems.drafting.facts import MARKER_NAMES
from firebell.postmortems.editing.timeline_choices import (
    ChoosableEntry,
    EntryChoice,
    EntryFilter,
    NewChoice,
)

router = api.router("post-mortems", "/post-mortems")

Reader = Annotated[Work, work(Verb.POSTMORTEM_READ)]
Writer = Annotated[Work, work(Verb.POSTMORTEM_WRITE)]
Key = Annotated[Text, Field(pattern=f"^{KEY.pattern}$")]
Keys = Annotated[list[Key], Field(max_length=CHOSEN_MAX)]


class ChoosableEntryShown(ApiOutput):
    """Something that was recorded; `choice` says whether the rule or a person decided that it is shown."""

    key: str
    at: datetime
    who: str
    text: str
    kind: str
    marker: str
    incident: str
    is_shown: bool
    choice: EntryChoice


class NewTimelineChoice(ApiInput):
    """Entries to show, to leave out, and to leave to the rule again; the others stay as they are."""

    show: Keys = Field([])
    hide: Keys = Field([])
    reset: Keys = Field([])
    reset_all: bool = False


class TimelineChoiceShown(ApiOutput):
    """How many entries the timeline shows now, out of all, in which version of the document."""

    version: int
    shown: int
    total: int


@router.get(
    "/{ref}/timeline",
    summary="List what the timeline of a document can show, latest first",
    responses=problems(404),
)
async def list_timeline_entries(
    w: Reader,
    ref: Text,
    paging: PageParams,
    q: Annotated[Text, Query(max_length=200, description="words")] = "",
    only: Annotated[EntryFilter, Query(description="those that are shown, or left out")] = EntryFilter.ALL,
) -> list[ChoosableEntryShown]:
    entries = (await actions.choosable_entries(w.tx, parse_ref("INC", ref), w.now)).filtered(q, only)
    return [_shown(entry) for entry in paging.newest(entries, range(1, len(entries) + 1))]


@router.patch(
    "/{ref}/timeline",
    summary="Choose which entries the timeline of a document shows",
    responses=problems(404, 409),
)
async def choose_timeline_entries(w: Writer, ref: Text, new: NewTimelineChoice) -> TimelineChoiceShown:
    chosen = await actions.choose_entries(
        w.tx,
        w.actor,
        parse_ref("INC", ref),
        NewChoice(new.show, new.hide, new.reset, reset_all=new.reset_all),
        w.now,
    )
    return TimelineChoiceShown(
        version=chosen.postmortem.version, shown=chosen.shown, total=len(chosen.entries)
    )


def _shown(entry: ChoosableEntry) -> ChoosableEntryShown:
    fact = entry.fact
    return ChoosableEntryShown(
        key=fact.key,
        at=fact.at,
        who=fact.who,
        text=fact.text,
        kind=fact.kind,
        marker=MARKER_NAMES[fact.marker] if fact.marker else "",
        incident=f"INC-{fact.incident_id}" if fact.incident_id else "",
        is_shown=entry.is_shown,
        choice=entry.choice,
    )
