"""Slice declaration: sending messages."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, Composer, NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention


def _composers() -> Mapping[str, Composer]:
    from firebell.notify import messages, notice_store
    from firebell.notify.model import SubjectKind

    return {
        SubjectKind.NOTICE: Composer(messages.compose, incidents_of=notice_store.incidents_of),
        SubjectKind.TEST: Composer(messages.compose_tests),
        SubjectKind.VERIFICATION: Composer(messages.compose_verifications),
    }


def _subscriptions() -> Subscriptions:
    from firebell.notify import actions
    from firebell.people.model import (
        ContactCodeRequested,
        ContactMethodDisabled,
        ContactTestRequested,
        QuietHoursChanged,
    )

    return Subscriptions(
        must={QuietHoursChanged: (actions.release_held,)},
        then={
            ContactTestRequested: {"send_contact_test": actions.send_test},
            ContactCodeRequested: {"send_contact_code": actions.send_code},
            ContactMethodDisabled: {"notify_contact_disabled": actions.notify_contact_disabled},
        },
    )


def _routers() -> list["APIRouter"]:
    from firebell.notify.usage import api as usage_api
    from firebell.notify.usage import web as usage_web

    return [usage_web.router, usage_api.router]


def _retentions() -> "Sequence[Retention]":
    from firebell.notify import retention_store

    return retention_store.RETENTIONS


SLICE = Slice(
    "notify",
    tables=(
        "delivery",
        "delivery_receipt",
        "notice",
        "mail_thread",
        "reply_code",
        "retraction",
        "code_allowance",
    ),
    kept={"code_allowance": "Few; those that have expired are deleted when an admin allows another."},
    retentions=_retentions,
    routers=_routers,
    commands=(
        Command(
            "phone",
            "Show what text messages and calls cost, and allow stopped codes.",
            "firebell.commands.phone",
            rank=155,
        ),
    ),
    navigation=(
        NavItem(
            Section.MORE,
            65,
            "/settings/phone",
            "phone-call",
            "Text messages and calls",
            verb="phone_usage.read",
        ),
    ),
    composers=_composers,
    subscriptions=_subscriptions,
)
