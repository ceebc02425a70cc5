"""Slice declaration: pages and escalation policies."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, Composer, NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.catalog.uses import UseSource
    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.paging import api, web
    from firebell.paging.manual_pages import api as manual_api
    from firebell.paging.manual_pages import web as manual_web
    from firebell.paging.night_limit import api as night_limit_api
    from firebell.paging.night_limit import web as night_limit_web
    from firebell.paging.offline_actions import api as offline_actions_api
    from firebell.paging.page_list import api as list_api
    from firebell.paging.page_list import web as inbox_web
    from firebell.paging.policies import api as policy_api
    from firebell.paging.policies import editor_web as policy_editor_web
    from firebell.paging.policies import web as policy_web

    return [
        inbox_web.router,
        manual_web.router,
        web.router,
        night_limit_web.router,
        policy_editor_web.router,
        policy_web.router,
        list_api.router,
        manual_api.router,
        api.router,
        policy_api.router,
        night_limit_api.router,
        offline_actions_api.router,
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.paging import ack_warnings, timers
    from firebell.paging.manual_pages import page_tests
    from firebell.paging.night_limit import actions as night_limit_actions

    return {
        **timers.HANDLERS,
        **ack_warnings.HANDLERS,
        **night_limit_actions.HANDLERS,
        **page_tests.HANDLERS,
    }


def _retentions() -> "Sequence[Retention]":
    from firebell.paging import retention_store
    from firebell.paging.night_limit import store as night_limit_store
    from firebell.paging.policies import version_store as policy_version_store

    return (
        *retention_store.RETENTIONS,
        *night_limit_store.RETENTIONS,
        *policy_version_store.RETENTIONS,
    )


def _composers() -> Mapping[str, Composer]:
    from firebell.paging import messages, retractions
    from firebell.paging.model import ACK_ENDING_KIND, COPY_KIND, SUBJECT_KIND

    return {
        SUBJECT_KIND: Composer(messages.compose, "pg", retractions.compose_retractions),
        COPY_KIND: Composer(messages.compose_copies, topic="pg"),
        ACK_ENDING_KIND: Composer(messages.compose_ack_endings, topic="pg", answered_as=SUBJECT_KIND),
    }


def _subscriptions() -> Subscriptions:
    from firebell.alerts import model as alerts
    from firebell.notify.model import DeliveriesFail, NobodyReached, RecipientsLeft
    from firebell.oncall.model import ScheduleDeleted
    from firebell.paging import actions
    from firebell.paging.acknowledgment import leaving
    from firebell.people.model import PersonLeft

    return Subscriptions(
        must={
            alerts.GroupsOpened: (actions.start_groups,),
            alerts.GroupsChanging: (actions.lock_groups,),
            alerts.GroupsGrown: (actions.grow_groups,),
            alerts.AlertsJoined: (actions.show_joined_alerts,),
            alerts.GroupsRetitled: (actions.retitle_groups,),
            alerts.GroupsRaised: (actions.raise_groups,),
            alerts.GroupsResolved: (actions.resolve_groups,),
            alerts.GroupsAcknowledged: (actions.acknowledge_groups,),
            PersonLeft: (leaving.release_pages, actions.void_deliveries),
            ScheduleDeleted: (actions.refuse_schedule_deletion,),
            DeliveriesFail: (actions.lock_failing,),
            NobodyReached: (actions.escalate_unreached,),
        },
        then={RecipientsLeft: {"end_levels_of_leavers": actions.end_levels_of_leavers}},
    )


def _service_uses() -> list["UseSource"]:
    from firebell.paging import service_uses

    return [service_uses.uses]


SLICE = Slice(
    "paging",
    tables=(
        "policy",
        "policy_version",
        "policy_rotation",
        "page",
        "page_owner",
        "page_log",
        "page_vote",
        "manual_page",
        "used_link",
        "night_limit",
        "night_over_limit",
    ),
    views={
        "policy_chain": "A service names its policy, and schedules are checked against every level.",
        "urgent_call": "Who was woken rests on the next day, which schedules check.",
        "group_page": "An alert is shown with its page.",
        "open_group_page": "Ingest leaves a group whose page is acknowledged to paging.",
        "subject_plan": "A message of a plan that moved on is not sent, and the code of an open page stays its own.",
    },
    kept={"policy": FEW, "policy_rotation": FEW, "night_limit": FEW},
    retentions=_retentions,
    functions=("start_pages",),
    routers=_routers,
    timers=_timers,
    composers=_composers,
    subscriptions=_subscriptions,
    service_uses=_service_uses,
    commands=(
        Command(
            "page",
            "List, acknowledge and resolve pages, and page someone.",
            "firebell.commands.page",
            rank=100,
        ),
        Command(
            "policy",
            "Show, dry-run, rename, restore and copy escalation policies.",
            "firebell.commands.policy",
            rank=140,
        ),
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
