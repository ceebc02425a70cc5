"""The document of a drill: its score, what was observed, and the questions of the debrief."""

from collections.abc import Iterable
from datetime import datetime

from firebell.drills.clock import clock_text
from firebell.drills.model import TRAY_NAMES, Drill, Record
from firebell.drills.shipped_scenarios import scenario_of
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.people.action_permissions import internal
from firebell.postmortems import actions as postmortems


def _line(text: object) -> str:
    """Return a text in one line that Markdown shows as it is."""
    line = " ".join(str(text).split())
    for mark in "\\`*_[]<>|#":
        line = line.replace(mark, f"\\{mark}")
    return line


def _rows(head: str, rows: Iterable[str]) -> list[str]:
    listed = list(rows)
    return ["", f"### {head}", "", *listed] if listed else []


def debrief_text(drill: Drill, record: Record) -> str:
    """Return the section on the debrief as Markdown."""
    percent = "no expectation was decided" if drill.score is None else f"{drill.score}%"
    points = "" if drill.score is None else f" ({drill.earned:g} of {drill.possible:g} points)"
    lines = ["## Debrief", "", f"Score: {percent}{points}. Drills score teams, never people."]
    lines += _rows("Expectations", (f"- {_line(r['name'])}: {r['verdict']}" for r in drill.results))
    lines += _rows("Process findings", (f"- {_line(f['message'])}" for f in drill.findings))
    lines += _rows(
        "Observations", (f"- {clock_text(o.elapsed_s)} {_line(o.text)}" for o in record.observations)
    )
    lines += _rows(
        "What would have left Firebell",
        (f"- {clock_text(p.elapsed_s)} {TRAY_NAMES[p.target]}: {_line(p.text)}" for p in record.tray),
    )
    lines += _rows("Questions", (f"- {_line(question)}" for question in scenario_of(drill).debrief))
    return "\n".join(lines) + "\n"


@internal("Called when a drill is finished.")
async def draft_document(tx: Tx, actor: Actor, drill: Drill, record: Record, now: datetime) -> None:
    """Draft the document of a finished drill; without an incident there is nothing that it is about."""
    if drill.incident_id is not None:
        with private_reader.as_reader(None):  # also an incident that the players keep private
            await postmortems.start(tx, actor, drill.incident_id, now, appendix=debrief_text(drill, record))
