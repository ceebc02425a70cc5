"""The notices of drills. Each begins with DRILL, and goes only to people who are asked or have accepted."""

from collections.abc import Collection, Iterable
from datetime import datetime

from firebell.drills.model import Drill
from firebell.kit.db.database import Tx
from firebell.kit.localtime import format_local
from firebell.kit.truncation import cut
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.action_permissions import internal

NOTICE_KIND = "drill"
_TITLE_MAX_BYTES = 200


def _title(text: str) -> str:
    return cut(f"DRILL: {text}", _TITLE_MAX_BYTES)


async def send(
    tx: Tx,
    drill: Drill,
    person_ids: Iterable[int],
    mark: str,
    text: str,
    note: str,
    now: datetime,
    *,
    urgency: str = "low",
) -> None:
    """Send a notice about a drill to these people, each once per mark."""
    link = f"/drills/{drill.ref}"
    notices = [
        Notice(f"drill:{drill.id}:{mark}:{i}", i, NOTICE_KIND, _title(text), note, link, urgency)
        for i in sorted(set(person_ids))
    ]
    await notify.send_notices(tx, notices, now)


@internal("Called when people are invited to a drill.")
async def invite(tx: Tx, drill: Drill, person_ids: Collection[int], now: datetime) -> None:
    """Ask people to take part."""
    by_id = await people.people_by_id(tx, list(person_ids))
    for person in by_id.values():
        when = format_local(drill.planned_for, person.tz)
        note = f"{when} ({person.tz}), about {drill.minutes} min. If you don’t accept it, the drill sends you nothing."
        await send(tx, drill, [person.id], "invited", f"take part in “{drill.title}”", note, now)


async def remind_managers(tx: Tx, month: str, now: datetime) -> None:
    """Ask the managers, without any the admins, to plan the drill of a month."""
    notices = [
        Notice(
            f"drill-reminder:{month}:{i}",
            i,
            NOTICE_KIND,
            "DRILL: none held in the last 30 days",
            "Plan the next one. A tabletop takes 90 min and pages no one.",
            "/drills/new",
        )
        for i in await people.managers(tx)
    ]
    await notify.send_notices(tx, notices, now)
