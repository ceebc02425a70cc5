"""The lanes of the worker, and what wakes each."""

from collections.abc import Collection

from firebell.kit.jobs import timers
from firebell.paging import actions as paging
from firebell.replies import answer_fetching

TIMER_LANES = ("page_timers", "timers")
"""The two lanes of timers, so that no page waits for another slice's handler."""
LANE_LIMITS_S = {
    "page_timers": 60.0,
    "timers": 300.0,
    "outbox": 60.0,
    "send": 60.0,
    "calendars": 300.0,
    "chat": 300.0,
    "chat_inbox": 120.0,
    "chat_socket": 60.0,
    "chat_rooms": 120.0,
    "audience_mail": 120.0,
    "postmortem_mail": 120.0,
    "status_pages": 300.0,
    "subscribers": 120.0,
    "subscriber_mail": 120.0,
    "subscriber_hook": 120.0,
    "subscriber_sms": 120.0,
    "webhooks": 120.0,
    "status_copies": 300.0,
    "runbook_sources": 300.0,
    "trackers": 600.0,
    "metrics": 300.0,
    "heartbeats": 60.0,
    "mailbox": 120.0,
    "retractions": 60.0,
    "self_watch": 60.0,
    **dict.fromkeys(answer_fetching.LANES, 60.0),
}
"""Seconds within which each lane must finish a round of its work to be healthy."""


def timer_lane(kind: str) -> str:
    """Return the lane that runs timers of a kind."""
    return "page_timers" if kind in paging.PAGE_LANE_KINDS else "timers"


def lanes_woken(what: str) -> Collection[str]:
    """Return the lanes that a message of `WORK_CHANNEL` wakes."""
    if what == "schema":
        return LANE_LIMITS_S.keys()
    if what == timers.WAKE_ALL:
        return TIMER_LANES
    if scheduled := timers.Scheduled.of(what):
        return (timer_lane(scheduled.kind),)
    return LANE_LIMITS_S.keys() & {what}
