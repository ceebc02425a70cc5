"""Slice declaration: inbound mail."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention


def _routers() -> list["APIRouter"]:
    from firebell.inbound_mail import api, web

    return [web.router, api.router]


def _retentions() -> "Sequence[Retention]":
    from firebell.inbound_mail import retention_store

    return retention_store.RETENTIONS


SLICE = Slice(
    "inbound_mail",
    tables=("mail_setting", "mail_receipt"),
    kept={"mail_setting": "One row for each integration."},
    retentions=_retentions,
    routers=_routers,
)
