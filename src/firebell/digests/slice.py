"""Slice declaration: weekly digests."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, Composer, SettingsGroup, SettingsTab, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.digests import api, unsubscribe_web, web

    return [web.router, unsubscribe_web.router, api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.digests import timers

    return timers.HANDLERS


def _composers() -> Mapping[str, Composer]:
    from firebell.digests import actions, messages

    return {actions.SUBJECT_KIND: Composer(messages.compose)}


def _retentions() -> "Sequence[Retention]":
    from firebell.digests import store

    return store.RETENTIONS


SLICE = Slice(
    "digests",
    tables=("digest_choice", "digest_team", "weekly_digest"),
    kept={
        "digest_choice": "One row for each person and digest.",
        "digest_team": FEW,
    },
    retentions=_retentions,
    routers=_routers,
    timers=_timers,
    composers=_composers,
    commands=(
        Command(
            "digest", "Show the weekly digest, and choose who gets it.", "firebell.commands.digest", rank=131
        ),
    ),
    settings_tabs=(
        SettingsTab(SettingsGroup.YOU, 45, "/settings/digest", "Weekly digest", "digest", "digest.subscribe"),
    ),
)
