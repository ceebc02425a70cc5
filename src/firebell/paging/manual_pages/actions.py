"""Pages that people start by hand, for a person, a team, a schedule or a policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import required_text
from firebell.oncall.schedules import actions as schedule_actions
from firebell.oncall.schedules import queries as oncall
from firebell.paging import live_topics, log_writer, store
from firebell.paging.manual_pages import store as manual_store
from firebell.paging.model import (
    MANUAL_KIND,
    Level,
    ManualPage,
    ManualPageStarted,
    ManualTarget,
    ManualTargetKind,
    NewPage,
    Page,
    Plan,
    Target,
    TargetKind,
)
from firebell.paging.policies import store as policy_store
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb

__all__ = ["ManualTarget", "ManualTargetKind", "request_manual_page", "start_manual_page"]

TEXT_MAX_CHARS = 1000
KEY_MAX_CHARS = 100
LIMIT = 5
"""Number of pages that a person starts by hand within `LIMIT_WITHIN` before each one must be confirmed."""
LIMIT_WITHIN = timedelta(minutes=10)
UNDO_WITHIN = timedelta(seconds=30)
_TITLE_MAX_CHARS = 200
_REPEAT = 2
_DRILL = "DRILL "
_PRIVATE = "private incident"
"""The reason that a manual page for a private incident shows."""


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """A target with its name, the plan of its page, and the team that gets the final alarm."""

    name: str
    plan: Plan
    team_id: int | None
    policy_id: int | None = None


async def resolve_target(tx: Tx, target: ManualTarget) -> ResolvedTarget:
    """Return the plan of a page for a target; raise `NotFound`, or `Conflict` for a deactivated person."""
    match target.kind:
        case ManualTargetKind.POLICY:
            policy = (await policy_store.hold_policies(tx, [target.id])).get(target.id)
            if policy is None:
                raise NotFound(f"There is no policy {target.id}.", command="firebell policy list")
            return ResolvedTarget(policy.name, policy.plan, policy.team_id, policy.id)
        case ManualTargetKind.SCHEDULE:
            # held, as a policy is: a page of a deleted schedule would reach no one
            held = await schedule_actions.hold(tx, [target.id])
            schedule = (await oncall.schedules_by_id(tx, sorted(held))).get(target.id)
            if schedule is None:
                raise NotFound(f"There is no schedule {target.id}.", command="firebell oncall list")
            return _one_level(schedule.name, TargetKind.SCHEDULE, target.id, schedule.team_id)
        case ManualTargetKind.TEAM:
            team = await people.team(tx, target.id)
            return _one_level(team.name, TargetKind.TEAM, target.id, team.id)
        case ManualTargetKind.PERSON:
            person = await people.person(tx, target.id)
            if not person.active:
                raise Conflict(f"{person.name} is deactivated.", fields={"target": "Choose someone else."})
            return _one_level(person.name, TargetKind.PERSON, target.id, None)


def _one_level(name: str, kind: TargetKind, target_id: int, team_id: int | None) -> ResolvedTarget:
    plan = Plan(name=name, levels=(Level((Target(kind, target_id),)),), repeat=_REPEAT, ack_timeout_s=None)
    return ResolvedTarget(name, plan, team_id)


@permits(Verb.PAGE_START)
async def start_manual_page(
    tx: Tx, actor: Actor, target: ManualTarget, text: str, now: datetime, incident_id: int | None = None
) -> Page:
    """Page a target now and return the page; it never joins another page, and has no limit.

    With an incident, the page is linked to it and its timeline shows who was paged.
    """
    page = await _start(tx, actor, target, text, now, incident_id, key=None)
    assert page is not None  # only a key that was used before starts nothing
    return page


@permits(Verb.PAGE_START)
async def start_response_page(
    tx: Tx, actor: Actor, target: ManualTarget, text: str, now: datetime, incident_id: int
) -> Page:
    """Page a target for an incident as `start_manual_page` does; the caller links the page and records it."""
    page = await _start(tx, actor, target, text, now, incident_id, key=None, is_recorded=True)
    assert page is not None  # only a key that was used before starts nothing
    return page


@permits(Verb.PAGE_START)
async def request_manual_page(
    tx: Tx,
    actor: Actor,
    target: ManualTarget,
    text: str,
    now: datetime,
    *,
    incident_id: int | None = None,
    key: str = "",
    confirmed: bool = False,
) -> Page:
    """Page a target as a request of a person, at most once per idempotency key.

    Raise `Conflict` for the sixth page in ten minutes unless it is `confirmed`, and for a key that was used
    for another page.
    """
    if actor.person_id is None:
        return await start_manual_page(tx, actor, target, text, now, incident_id)
    if len(key) > KEY_MAX_CHARS or not (key.isascii() and (key.isprintable() or not key)):
        raise Invalid(
            "The idempotency key is invalid.",
            fields={"Idempotency-Key": f"Use up to {KEY_MAX_CHARS} printable ASCII characters."},
        )
    if key and (earlier := await manual_store.by_key(tx, actor.person_id, key)):
        return await _earlier(tx, earlier, target, text)
    started = await manual_store.started_since(tx, actor.person_id, now - LIMIT_WITHIN)
    if started >= LIMIT and not confirmed:
        raise Conflict(
            f"You started {started} pages in the last 10 minutes.",
            hint="Confirm that you want to start another one.",
            fields={"again": "Confirm that you want to start another page."},
        )
    page = await _start(tx, actor, target, text, now, incident_id, key=key or None)
    if page is None:
        concurrent = await manual_store.by_key(tx, actor.person_id, key)
        assert concurrent is not None
        return await _earlier(tx, concurrent, target, text)
    return page


async def _earlier(tx: Tx, earlier: ManualPage, target: ManualTarget, text: str) -> Page:
    """Return the page that the same request started before; raise `Conflict` if that was another request."""
    same = (earlier.target_kind, earlier.target_id, earlier.text) == (target.kind, target.id, _text(text))
    page = await store.page(tx, earlier.page_id)
    assert page is not None  # a manual page is deleted with its page
    if not same:
        raise Conflict(f"This idempotency key started {page.ref}.", hint="Use a new key for a new page.")
    return page


def _text(text: str) -> str:
    """Return the cleaned text; raise `Invalid` if it is empty or too long."""
    return required_text(text, TEXT_MAX_CHARS, name="message", hint="Enter why you page them.")


def _title(actor: str, text: str) -> str:
    """Return who pages and the first line of why, as the title that every screen and message shows."""
    title = " ".join(f"{actor}: {text.splitlines()[0]}".split())
    return title if len(title) <= _TITLE_MAX_CHARS else f"{title[: _TITLE_MAX_CHARS - 1]}…"


def _log_text(actor: str, target_name: str, text: str) -> str:
    """Return the log entry about the start of a page; an empty text is left out."""
    return f"{actor} paged {target_name}: {text}" if text else f"{actor} paged {target_name}."


async def _start(
    tx: Tx,
    actor: Actor,
    target: ManualTarget,
    text: str,
    now: datetime,
    incident_id: int | None,
    *,
    key: str | None,
    is_recorded: bool = False,
) -> Page | None:
    """Store a page with its timer and log; return None if the key was used before.

    With `is_recorded`, the caller links the page to the incident and adds it to the timeline.
    """
    text = _text(text)
    resolved = await resolve_target(tx, target)
    manual_page_id = await manual_store.insert(
        tx,
        actor=actor.label,
        actor_id=actor.person_id,
        target=target,
        target_name=resolved.name,
        text=text,
        key=key,
        now=now,
        incident_id=incident_id,
    )
    if manual_page_id is None:
        return None
    new_page = NewPage(
        subject_kind=MANUAL_KIND,
        subject_id=manual_page_id,
        service_id=None,
        team_id=resolved.team_id,
        policy_id=resolved.policy_id,
        plan=resolved.plan.to_json(),
        title=_title(actor.label, text),
        urgency="high",
        severity=None,
        actor=actor.label,
        text=_log_text(actor.label, resolved.name, text),
        actor_id=actor.person_id,
    )
    (page_id,) = await log_writer.start_pages(tx, [new_page], now)
    await manual_store.set_page(tx, manual_page_id, page_id)
    await live_topics.publish(tx, [page_id])
    await tx.audit(
        *(actor, "page.manual", f"PG-{page_id}", now),
        target=f"{target.kind}:{target.id}",
        incident=f"INC-{incident_id}" if incident_id is not None else None,
    )
    if incident_id is not None and not is_recorded:
        started = ManualPageStarted(page_id, incident_id, actor.label, actor.person_id, resolved.name, text)
        await tx.emit(started, now)
    page = await store.page(tx, page_id)
    assert page is not None
    return page


@internal("A page that a person starts for a drill.")
async def mark_as_drill(tx: Tx, page_id: int) -> None:
    """Put DRILL before the title of a manual page, in the transaction that starts it."""
    page = await store.page(tx, page_id)
    assert page is not None
    title = f"{_DRILL}{page.title}"[:_TITLE_MAX_CHARS]
    await store.retitle_all(tx, MANUAL_KIND, page.subject_id, title)


@internal("Part of linking pages to incidents, and of changing who sees an incident.")
async def set_private(tx: Tx, page_ids: Sequence[int], *, private: bool) -> list[int]:
    """Hide or show the reasons of the manual pages among these; return the ids of those that changed.

    Everyone sees a page; why someone was paged for a private incident is in their messages and on its timeline.
    """
    manual_ids = sorted(await manual_store.of_pages(tx, page_ids))  # pages of alerts are not locked
    if not manual_ids:
        return []
    pages = await store.lock(tx, manual_ids)
    manual_pages = await manual_store.of_pages(tx, manual_ids)
    changing = [p for p in pages if p.id in manual_pages and manual_pages[p.id].is_private is not private]
    await manual_store.set_private(tx, [page.id for page in changing], private)
    for page in changing:
        manual_page = manual_pages[page.id]
        drill = _DRILL if page.title.startswith(_DRILL) else ""
        title = _title(manual_page.actor, _PRIVATE if private else manual_page.text)
        await store.retitle_all(tx, MANUAL_KIND, page.subject_id, f"{drill}{title}"[:_TITLE_MAX_CHARS])
        text = _log_text(manual_page.actor, manual_page.target_name, "" if private else manual_page.text)
        await manual_store.rewrite_first_entry(tx, page.id, text)
    if changing:
        await live_topics.publish(tx, [page.id for page in changing])
    return [page.id for page in changing]
