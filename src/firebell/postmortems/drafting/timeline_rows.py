"""Which facts the timeline of a document shows, and where it has gaps (pure)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from firebell.kit import markdown
from firebell.kit.markdown import cell
from firebell.postmortems.document.evidence import EvidenceKind
from firebell.postmortems.document.timeline_choice import NO_CHOICE, TimelineChoice
from firebell.postmortems.drafting.facts import MARKER_NAMES, DraftFact, Marker

ROWS_MAX = 60
GAPS_MAX = 5
MAJOR_GAP = timedelta(minutes=15)
MINOR_GAP = timedelta(minutes=60)
_ALWAYS = frozenset(
    {"finding", "decision", "mitigation", "page_triggered", "page_acked", "change_before", "run_failed"}
)
_DROPPED_FIRST = ("run_done", "run_skipped", "update", "note", "page_level")
"""The kinds that are dropped from a long timeline, in this order, the oldest first."""
_NOISE = frozenset(
    {"check", "baseline", "stable", "custom", "fields", "canvas", "facts", "type", "related", "linked"}
)
HIDDEN_KINDS = _NOISE | {"paged"}
"""The kinds of entries that a timeline does not show; that of a page stands there as the page itself."""


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A row of the timeline; `more` is the number of similar rows that it stands for."""

    fact: DraftFact
    more: int = 0


@dataclass(frozen=True, slots=True)
class ShownTimeline:
    """The rows of the timeline in order, out of `total` facts; `left_out` were dropped because there are too many."""

    rows: tuple[TimelineRow, ...]
    total: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Gap:
    """An interval of an active phase in which nothing was written."""

    start: datetime
    end: datetime


def select(facts: Sequence[DraftFact], choice: TimelineChoice = NO_CHOICE) -> ShownTimeline:
    """Return the rows to show: what must stay, and of three or more machine rows in a row the first and the last.

    What people chose to show stays too, and what they chose to hide is left out before the rule applies.
    """
    wanted = [fact for fact in facts if fact.key not in choice.hidden] if choice.hidden else facts
    chosen = {fact for fact in wanted if fact.key in choice.shown} if choice.shown else set()
    updates = [fact for fact in wanted if fact.kind == "update"]
    kept = {updates[0], updates[-1]} if updates else set()
    kept |= _ends_of_runs(wanted) | chosen
    shown = [fact for fact in wanted if fact in chosen or _is_ruled_in(fact)]
    rows = list(_collapsed(shown, kept))
    for kind in _DROPPED_FIRST:
        excess = len(rows) - ROWS_MAX
        if excess <= 0:
            break
        droppable = [
            number
            for number, row in enumerate(rows)
            if row.fact.kind == kind and row.fact not in kept and not _stays(row.fact)
        ]
        dropped = frozenset(droppable[:excess])
        rows = [row for number, row in enumerate(rows) if number not in dropped]
    return ShownTimeline(tuple(rows), len(facts), len(facts) - sum(1 + row.more for row in rows))


def gaps(
    rows: Sequence[TimelineRow], phases: Sequence[tuple[datetime, datetime]], max_severity: int
) -> list[Gap]:
    """Return up to five gaps: two consecutive rows of one active phase that are far apart."""
    longest = MAJOR_GAP if max_severity <= 1 else MINOR_GAP
    times = sorted({row.fact.at for row in rows})
    return [
        Gap(earlier, later)
        for start, end in phases
        for earlier, later in _pairs(times, start, end)
        if later - earlier > longest
    ][:GAPS_MAX]


def table(shown: ShownTimeline, *, several: bool = False) -> str:
    """Return the timeline as a Markdown table; with `several` incidents each row carries its own."""
    header = ["Time", *(["Incident"] if several else []), "Who", "What"]
    rows = []
    for row in shown.rows:
        fact = row.fact
        more = f" ({row.more} more)" if row.more else ""
        name = f" · {MARKER_NAMES[fact.marker]}" if fact.marker and fact.marker is not Marker.KEY else ""
        incident = [f"INC-{fact.incident_id}" if fact.incident_id else ""] if several else []
        what = f"{_cell(fact)}{more} [{fact.ref}]{name}"
        rows.append([f"{fact.at:%Y-%m-%d %H:%M}", *incident, cell(fact.who), what])
    if shown.left_out:
        noun = "row" if shown.left_out == 1 else "rows"
        empty = [""] * (len(header) - 1)
        rows.append([*empty, f"{shown.left_out} {noun} left out"])
    return markdown.table(header, rows)


def _cell(fact: DraftFact) -> str:
    """Return the text of a fact for a table cell; the label of a key moment stays bold."""
    if fact.text.startswith("**") and "**: " in fact.text:
        label, _, text = fact.text[2:].partition("**: ")
        return f"**{cell(label)}**: {cell(text)}"
    return cell(fact.text)


def _is_ruled_in(fact: DraftFact) -> bool:
    return fact.kind not in _NOISE and (fact.marker is not None or fact.kind != "paged")


def _stays(fact: DraftFact) -> bool:
    return fact.marker is Marker.KEY or fact.kind in _ALWAYS


def _ends_of_runs(facts: Sequence[DraftFact]) -> set[DraftFact]:
    """Return the first and the last step of each run of a runbook."""
    runs: dict[int, list[DraftFact]] = {}
    for fact in facts:
        if fact.ref.kind is EvidenceKind.RUN_STEP:
            runs.setdefault(fact.ref.number, []).append(fact)
    return {fact for steps in runs.values() for fact in (steps[0], steps[-1])}


def _collapsed(facts: Sequence[DraftFact], kept: Collection[DraftFact]) -> Iterator[TimelineRow]:
    """Yield a row for each fact; of three or more in a row that no person wrote, the first and the last.

    What is `kept` is in no such row.
    """
    run: list[DraftFact] = []
    for fact in facts:
        if not fact.is_human and not _stays(fact) and fact not in kept:
            run.append(fact)
            continue
        yield from _ends(run)
        run = []
        yield TimelineRow(fact)
    yield from _ends(run)


def _ends(run: Sequence[DraftFact]) -> Iterator[TimelineRow]:
    if len(run) < 3:
        yield from map(TimelineRow, run)
        return
    yield TimelineRow(run[0], len(run) - 2)
    yield TimelineRow(replace(run[-1]))


def _pairs(times: Sequence[datetime], start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    inside = [at for at in times if start <= at <= end]
    yield from pairwise(inside)
