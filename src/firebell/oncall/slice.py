"""Slice declaration: on-call schedules, swaps and calendars."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    FEW,
    Command,
    NavItem,
    Section,
    SettingsGroup,
    SettingsTab,
    Slice,
    Subscriptions,
)

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.oncall.calendars import api as calendar_api
    from firebell.oncall.calendars import web as calendar_web
    from firebell.oncall.schedules import api as schedule_api
    from firebell.oncall.schedules import (
        change_web,
        editor_web,
        new_schedule_web,
        on_call_api,
        on_call_web,
        web,
    )
    from firebell.oncall.swaps import api as swap_api
    from firebell.oncall.swaps import shift_web
    from firebell.oncall.swaps import web as swap_web

    return [
        calendar_web.router,
        calendar_api.router,
        swap_web.router,
        shift_web.router,
        editor_web.router,
        change_web.router,
        on_call_web.router,
        new_schedule_web.router,
        web.router,
        on_call_api.router,
        schedule_api.router,
        swap_api.router,
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.oncall.checks import timers as check_timers
    from firebell.oncall.schedules import timers as schedule_timers
    from firebell.oncall.swaps import timers as swap_timers

    return {**schedule_timers.HANDLERS, **swap_timers.HANDLERS, **check_timers.HANDLERS}


def _subscriptions() -> Subscriptions:
    from firebell.oncall import model, notifications
    from firebell.oncall.calendars import actions as calendars
    from firebell.oncall.swaps import leaving, schedule_changes
    from firebell.people.model import AccessRevoked, PersonLeft

    return Subscriptions(
        must={
            AccessRevoked: (calendars.revoke_feeds,),
            PersonLeft: (leaving.withdraw,),
            model.ScheduleSaved: (schedule_changes.withdraw_after_save,),
            model.ShiftsReassigned: (schedule_changes.cover_reassigned_shifts,),
            model.ScheduleDeleted: (calendars.close_imports,),
        },
        then={
            PersonLeft: {"look_at_shifts": leaving.announce_left},
            model.CoverAsked: {"tell_cover_asked": notifications.cover_asked},
            model.CoverDeclined: {"tell_cover_declined": notifications.cover_declined},
            model.CoverLapsed: {"tell_cover_lapsed": notifications.cover_lapsed},
            model.CoverTaken: {"tell_cover_taken": notifications.cover_taken},
            model.ErrorsFound: {"tell_errors_found": notifications.errors_found},
            model.ScheduleChanged: {"tell_schedule_changed": notifications.schedule_changed},
            model.SwapDecided: {"tell_swap_decided": notifications.swap_decided},
            model.SwapLapsed: {"tell_swap_lapsed": notifications.swap_lapsed},
            model.SwapProposed: {"tell_swap_proposed": notifications.swap_proposed},
        },
    )


SLICE = Slice(
    "oncall",
    tables=(
        "schedule",
        "layer",
        "schedule_edit",
        "shadow",
        "vacation",
        "cover",
        "swap",
        "calendar_feed",
        "calendar_import",
        "calendar_shift",
        "finding_told",
    ),
    kept={
        "schedule": FEW,
        "layer": FEW,
        "shadow": FEW,
        "schedule_edit": "Who was on call is what past months are paid by.",
        "vacation": "Who was away explains who was on call.",
        "cover": "Who covered for whom explains who was on call.",
        "swap": "Who swapped with whom explains who was on call.",
        "calendar_feed": FEW,
        "calendar_import": FEW,
        "calendar_shift": "Each fetch of a calendar replaces its shifts.",
        "finding_told": "Each check of a schedule replaces its errors.",
    },
    routers=_routers,
    timers=_timers,
    subscriptions=_subscriptions,
    commands=(
        Command(
            "oncall",
            "Show who is on call; manage schedules and overrides.",
            "firebell.commands.oncall",
            rank=130,
        ),
    ),
    navigation=(
        NavItem(Section.PREPARE, 10, "/oncall", "calendar-range", "On-call", name="oncall", tab=("oncall",)),
        NavItem(Section.MORE, 30, "/oncall/me", "user-round-check", "My shifts"),
    ),
    settings_tabs=(SettingsTab(SettingsGroup.YOU, 30, "/settings/calendars", "Calendars", "calendars"),),
)
