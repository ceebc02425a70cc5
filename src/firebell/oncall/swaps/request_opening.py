"""What cover requests and swaps share: their timers, audit entries, and how a request opens."""

from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.jobs import timers
from firebell.oncall.model import (
    Cover,
    CoverAsked,
    CoverState,
    Swap,
)
from firebell.oncall.swaps import store
from firebell.people.action_permissions import internal

COVER_TIMER = "oncall.cover"
SWAP_TIMER = "oncall.swap"


@internal("Part of the action that changed the schedule.")
async def audit_cover(tx: Tx, actor: Actor, what: str, cover: Cover, now: datetime, **more: str) -> None:
    """Record an audit entry for a cover request."""
    details = {"cover": cover.id, "requester": cover.requester, "start": cover.start, "end": cover.end}
    await tx.audit(actor, f"cover.{what}", f"schedule:{cover.schedule_id}", now, **details, **more)
    await tx.live("oncall")


@internal("Part of the action that changed the schedule.")
async def audit_swap(tx: Tx, actor: Actor, what: str, swap: Swap, now: datetime, **more: str) -> None:
    """Record an audit entry for a swap."""
    details = {"swap": swap.id, "proposer": swap.proposer, "other": swap.other}
    await tx.audit(actor, f"swap.{what}", f"schedule:{swap.schedule_id}", now, **details, **more)
    await tx.live("oncall")


def new_cover(
    schedule_id: int, requester: int, start: datetime, end: datetime, now: datetime, reason: str = ""
) -> Cover:
    """Return an open request to the whole team, not stored yet."""
    return Cover(
        id=0,
        schedule_id=schedule_id,
        requester=requester,
        start=start,
        end=end,
        expires_at=expiry(start, end, now),
        state=CoverState.OPEN,
        asked=(),
        declined=(),
        reason=reason,
        taken_by=None,
        edit_id=None,
        vacation_id=None,
        created_at=now,
        decided_at=None,
    )


def expiry(start: datetime, end: datetime, now: datetime) -> datetime:
    """Return until when a request can be taken: its start, or its end if the shift has begun."""
    return start if start > now else end


async def add_cover(tx: Tx, new: Cover, now: datetime) -> Cover:
    """Store an open request and schedule its expiry."""
    cover = await store.insert_cover(tx, new)
    await timers.schedule(tx, COVER_TIMER, str(cover.id), cover.expires_at)
    await tx.emit(CoverAsked(cover.id), now)
    return cover


async def reopen(tx: Tx, cover: Cover, now: datetime) -> None:
    """Reopen a taken request after its override was removed; expire it if its time is over."""
    over = cover.end <= now
    reopened = replace(
        cover,
        state=CoverState.EXPIRED if over else CoverState.OPEN,
        expires_at=expiry(cover.start, cover.end, now),
        taken_by=None,
        edit_id=None,
        decided_at=now if over else None,
    )
    await store.save_cover(tx, reopened)
    if not over:
        await timers.schedule(tx, COVER_TIMER, str(cover.id), reopened.expires_at)
        await tx.emit(CoverAsked(cover.id), now)
