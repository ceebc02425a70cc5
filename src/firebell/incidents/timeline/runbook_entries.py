"""What runs of runbooks write on the timeline of their incident."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from firebell.incidents import lookup, timeline_writer
from firebell.incidents.model import Incident
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.text import plural
from firebell.paging import actions as paging
from firebell.paging.model import ManualTarget, ManualTargetKind
from firebell.runbooks.model import RUN_STARTED

ENTRY_KIND = "runbook"
URGENT_SEVERITY = 1
"""The lowest severity whose timeline has each step that is done, and whose failed rollback pages the owner."""
_ROLLBACK = "Rollback"
_ENDS = {
    "run.succeeded": "finished",
    "run.failed": "ended as failed",
    "run.stopped": "stopped",
    "run.rolled_back": "rolled back",
    "run.rollback_failed": "could not roll back",
}


def entry_text(stepped: Mapping[str, Any], severity: int) -> str | None:
    """Return the entry about an event of a run, which begins with a verb; None if the timeline has none (pure).

    A dry run changes nothing and leaves no entry.
    """
    ref, kind, reason = f"RUN-{stepped['run_id']}", stepped["kind"], stepped["reason"]
    because = f": {reason}" if reason else ""
    if stepped["is_dry"]:
        return None
    if kind == RUN_STARTED:
        return f"began the runbook {stepped['runbook']} ({ref})"
    if kind in _ENDS:
        return f"{_ENDS[kind]} {ref}, {stepped['runbook']}, after {_time(stepped)}{because}"
    is_step = stepped["part"] in ("Steps", "Verification")
    step = f"{_place(stepped)} of {ref}, {stepped['step']}"
    match kind:
        case "step.done" if stepped["part"] == _ROLLBACK or (severity <= URGENT_SEVERITY and is_step):
            return f"finished {step}"
        case "step.failed":
            code = f" with exit code {stepped['exit']}" if stepped["exit"] is not None else ""
            return f"tried {step}, which failed{code}{because}"
        case "step.skipped":
            return f"skipped {step}{because}"
        case "run.rolling_back":
            return f"began to roll back {ref}{because}"
        case "run.taken_over":
            return f"took over {ref} in the browser"
        case "run.lost":
            return f"Lost contact with {ref}, {stepped['runbook']}."
    return None


def _place(stepped: Mapping[str, Any]) -> str:
    names = {"Steps": "step", "Verification": "verification", "Prerequisites": "prerequisite"}
    name = names.get(stepped["part"], "rollback")
    return f"{name} {stepped['label']}" if stepped["label"] else name


def _time(stepped: Mapping[str, Any]) -> str:
    """Return how long a run took, with the usual time of earlier ones."""
    usual = stepped["usual_s"]
    took = _minutes(stepped["duration_s"] or 0)
    return took if usual is None else f"{took} (usually {_minutes(usual)})"


def _minutes(seconds: int) -> str:
    return plural(seconds, "second") if seconds < 60 else f"{round(seconds / 60)} min"


async def record_runbook_step(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Write an event of a run on the timeline of its incident, at the time when it happened.

    A rollback that failed at SEV0 or SEV1 pages the team that owns the runbook.
    """
    if payload["incident_id"] is None:
        return
    with private_reader.as_reader(None):
        incident = await _locked(tx, payload["incident_id"])
        text = entry_text(payload, incident.severity)
        if text is None:
            return
        data = {"run": payload["run_id"], "runbook": payload["slug"], "event": payload["kind"]}
        at = min(datetime.fromisoformat(payload["at"]), now)
        actor = _actor(payload)
        await timeline_writer.write_entry(tx, actor, incident.id, ENTRY_KIND, text, data, now, at)
        await _page_owner(tx, incident, payload, now)


async def _locked(tx: Tx, incident_id: int) -> Incident:
    """Lock the incident of a run; of one that was merged meanwhile, the one that its runs moved to."""
    incident = await lookup.locked(tx, incident_id)
    while incident.merged_into is not None:
        incident = await lookup.locked(tx, incident.merged_into)
    return incident


def _actor(payload: Mapping[str, Any]) -> Actor:
    return Actor("person", payload["by"], payload["by_id"]) if payload["by_id"] else SYSTEM


async def _page_owner(tx: Tx, incident: Incident, payload: Mapping[str, Any], now: datetime) -> None:
    is_urgent = incident.severity <= URGENT_SEVERITY
    if payload["kind"] != "run.rollback_failed" or not is_urgent or payload["team_id"] is None:
        return
    target = ManualTarget(ManualTargetKind.TEAM, payload["team_id"])
    text = f"Rolling back RUN-{payload['run_id']} failed. Someone has to finish it by hand."
    await paging.start_manual_page(tx, SYSTEM, target, text, now, incident.id)
