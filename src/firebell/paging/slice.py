"""What pages and escalation policies add to the product."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.paging import api, delayed_api, inbox_web, list_api, policy_web, web

    return [inbox_web.router, web.router, policy_web.router, list_api.router, api.router, delayed_api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.paging import retention, timers

    return {**timers.HANDLERS, **retention.HANDLERS}


def _subscriptions() -> Subscriptions:
    from firebell.alerts import model as alerts
    from firebell.oncall.model import ScheduleDeleted
    from firebell.paging import actions, subscriptions
    from firebell.people.model import (
        ContactCodeRequested,
        ContactMethodDisabled,
        ContactTestRequested,
        PersonLeft,
        QuietHoursChanged,
    )

    return Subscriptions(
        must={
            alerts.GroupsOpened: (actions.start_groups,),
            alerts.GroupsGrown: (actions.grow_groups,),
            alerts.GroupsRetitled: (actions.retitle_groups,),
            alerts.GroupsRaised: (actions.raise_groups,),
            alerts.GroupsResolved: (actions.resolve_groups,),
            alerts.GroupsAcknowledged: (actions.acknowledge_groups,),
            PersonLeft: (actions.release_pages, actions.void_deliveries),
            QuietHoursChanged: (actions.release_held,),
            ScheduleDeleted: (actions.refuse_schedule_deletion,),
        },
        then={
            alerts.ConfirmationAsked: {"notify_confirmation_asked": subscriptions.notify_owner},
            alerts.SourceBroken: {"tell_source_broken": actions.notify_source_broken},
            ContactTestRequested: {"send_contact_test": actions.send_test},
            ContactCodeRequested: {"send_contact_code": subscriptions.send_code},
            ContactMethodDisabled: {"notify_contact_disabled": subscriptions.notify_disabled},
        },
    )


SLICE = Slice(
    "paging",
    routers=_routers,
    timers=_timers,
    subscriptions=_subscriptions,
    commands=(
        Command("page", "List, acknowledge and resolve pages.", "firebell.commands.page", rank=100),
        Command("policy", "Show escalation policies and dry-run them.", "firebell.commands.policy", rank=140),
    ),
    navigation=(
        NavItem(
            Section.MAIN,
            20,
            "/pages",
            "bell-ring",
            "Pages",
            name="pages",
            count="pages_waiting",
            tab=("pages",),
        ),
        NavItem(Section.PREPARE, 20, "/escalation", "list-tree", "Escalation", name="escalation"),
    ),
)
