"""What handoffs add to the product."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.handoffs import api, web

    return [web.router, api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.handoffs import timers

    return timers.HANDLERS


def _subscriptions() -> Subscriptions:
    from firebell.handoffs import notifications
    from firebell.oncall import model as oncall

    return Subscriptions(
        then={
            oncall.CoverAsked: {"tell_cover_asked": notifications.cover_asked},
            oncall.CoverDeclined: {"tell_cover_declined": notifications.cover_declined},
            oncall.CoverLapsed: {"tell_cover_lapsed": notifications.cover_lapsed},
            oncall.CoverTaken: {"tell_cover_taken": notifications.cover_taken},
            oncall.ErrorsFound: {"tell_errors_found": notifications.errors_found},
            oncall.ScheduleChanged: {"tell_schedule_changed": notifications.schedule_changed},
            oncall.SwapDecided: {"tell_swap_decided": notifications.swap_decided},
            oncall.SwapLapsed: {"tell_swap_lapsed": notifications.swap_lapsed},
            oncall.SwapProposed: {"tell_swap_proposed": notifications.swap_proposed},
        }
    )


SLICE = Slice(
    "handoffs",
    tables=(
        "handoff",
        "handoff_ack",
        "shift_told",
    ),
    routers=_routers,
    timers=_timers,
    subscriptions=_subscriptions,
    navigation=(NavItem(Section.MORE, 40, "/oncall/handoffs", "repeat", "Handoffs"),),
)
