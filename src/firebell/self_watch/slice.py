"""Slice declaration: Firebell watches itself."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    FEW,
    Command,
    Composer,
    NavItem,
    Section,
    SettingsGroup,
    SettingsTab,
    Slice,
)

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention


def _routers() -> list["APIRouter"]:
    from firebell.self_watch import api, fallback_test_web, web

    return [web.router, fallback_test_web.router, api.router]


def _composers() -> Mapping[str, Composer]:
    from firebell.self_watch import fallback_test_actions, messages
    from firebell.self_watch.model import FALLBACK_TEST_KIND, SUBJECT_KIND

    return {
        SUBJECT_KIND: Composer(messages.compose),
        FALLBACK_TEST_KIND: Composer(fallback_test_actions.compose),
    }


def _retentions() -> "Sequence[Retention]":
    from firebell.self_watch import retention_store

    return retention_store.RETENTIONS


SLICE = Slice(
    "self_watch",
    tables=("outbound_heartbeat", "self_alarm", "self_watch_turn", "fallback_test", "process_finding"),
    kept={
        "outbound_heartbeat": FEW,
        "self_watch_turn": "One row.",
        "process_finding": "Deleted by its process, or an hour after it ended.",
    },
    retentions=_retentions,
    routers=_routers,
    composers=_composers,
    commands=(
        Command(
            "health",
            "Show the health of Firebell itself, and who watches it.",
            "firebell.commands.health",
            rank=157,
        ),
    ),
    navigation=(
        NavItem(
            Section.MORE, 66, "/settings/health", "shield-check", "Health of Firebell", verb="self_watch.read"
        ),
    ),
    settings_tabs=(
        SettingsTab(
            SettingsGroup.ORGANIZATION, 95, "/settings/health", "Health", "health", "self_watch.read"
        ),
    ),
)
