"""Deliver the injects of a drill: page volunteers, resolve their page, or show something to the players."""

from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.drills import fact_queries, notices, record_store
from firebell.drills.clock import started_clock
from firebell.drills.model import Drill, DrillKind, Inject, InjectKind, Participant, Record
from firebell.incidents import actions as incidents
from firebell.incidents.model import ROLE_NAMES, IncidentRole
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.people import actions as people
from firebell.people.action_permissions import internal

ENTRY_KIND = "drill"
"""The kind of the timeline entries of drills."""


@internal("Called by the clock of a drill and by its facilitator.")
async def deliver(tx: Tx, drill: Drill, record: Record, inject: Inject, now: datetime) -> None:
    """Deliver an inject of a locked drill, once."""
    page_id, note = None, ""
    match inject.kind:
        case InjectKind.ALERT if drill.kind is DrillKind.TABLETOP:
            note = "Read it to the players. A tabletop pages no one."
        case InjectKind.ALERT:
            page_id, note = await _page(tx, drill, record.participants, inject, now)
        case InjectKind.RESOLVE:
            note = await _resolve(tx, record, inject, now)
        case InjectKind.PERSON_AWAY:
            note = await _send_away(tx, drill, inject, now)
        case _:
            await _show(tx, drill, record, inject, now)
    await record_store.settle_inject(
        tx,
        drill.id,
        inject.id,
        skipped=False,
        at=now,
        elapsed_s=started_clock(drill).elapsed_s(now),
        page_id=page_id,
        note=note,
    )
    if drill.incident_id is not None:
        text = f"DRILL inject: {inject.title}"
        with private_reader.as_reader(None):  # also an incident that the players keep private
            await incidents.record_entry(
                tx, SYSTEM, drill.incident_id, ENTRY_KIND, text, {"inject": inject.id}, now
            )


async def _page(
    tx: Tx, drill: Drill, participants: tuple[Participant, ...], inject: Inject, now: datetime
) -> tuple[int | None, str]:
    """Page the volunteers whom the policy of the drill's service reaches now; return the page and what came of it."""
    service = (await catalog.services_by_id(tx, [drill.service_id or 0])).get(drill.service_id or 0)
    policies = await paging.policies_by_id(tx, [service.policy_id] if service and service.policy_id else [])
    policy = next(iter(policies.values()), None)
    if policy is None:
        return None, "No one was paged: the drill has no service with an escalation policy."
    allowed = await fact_queries.reachable_now(tx, participants, now)
    text = f"{inject.text}{f' on {inject.service}' if inject.service else ''}"
    page = await paging.start_drill_page(tx, SYSTEM, policy, allowed, text, now)
    if page is None:
        return None, f"No one was paged: {policy.name} has no volunteer to page now."
    named = dict.fromkeys(target.id for level in page.plan.levels for target in level.targets)
    by_id = await people.people_by_id(tx, list(named))
    return page.id, f"{page.ref} pages {', '.join(by_id[i].name for i in named)}."


async def _resolve(tx: Tx, record: Record, inject: Inject, now: datetime) -> str:
    page_id = next((each.page_id for each in record.delivered if each.inject_id == inject.ref), None)
    page = (await paging.pages_by_id(tx, [page_id])).get(page_id) if page_id else None
    if page is None or page.state is PageState.RESOLVED:
        return ""
    await paging.resolve(tx, SYSTEM, page.id, now)
    return f"{page.ref} is resolved."


async def _holders(tx: Tx, drill: Drill, role: str) -> list[int]:
    if drill.incident_id is None:
        return []
    held = (await incidents.roles(tx, [drill.incident_id]))[drill.incident_id]
    return [assignment.person_id for assignment in held if assignment.role == role]


async def _send_away(tx: Tx, drill: Drill, inject: Inject, now: datetime) -> str:
    """Take the holders of a role out of the drill."""
    holders = await _holders(tx, drill, inject.to)
    if not holders:
        return f"No one is the {ROLE_NAMES[IncidentRole(inject.to)].lower()} now."
    await record_store.set_away(tx, drill.id, holders)
    by_id = await people.people_by_id(tx, holders)
    await notices.send(
        tx, drill, holders, f"away:{inject.id}", "you are out", "Don’t act until the debrief.", now
    )
    return f"{', '.join(by_id[i].name for i in holders)} {'is' if len(holders) == 1 else 'are'} out."


async def _show(tx: Tx, drill: Drill, record: Record, inject: Inject, now: datetime) -> None:
    """Notify the players whom it is for: the holders of its role, else everyone who accepted and is not asleep."""
    allowed = await fact_queries.reachable_now(tx, record.participants, now)
    holders = [i for i in await _holders(tx, drill, inject.to) if i in allowed] if inject.to else []
    note = "Answer it on the screen of the drill." if inject.kind is InjectKind.QUESTION else ""
    await notices.send(tx, drill, holders or allowed, f"inject:{inject.id}", inject.title, note, now)
