"""Slice declaration: what comes back from the channels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention


def _routers() -> list["APIRouter"]:
    from firebell.replies import web

    return [web.router]


def _retentions() -> "Sequence[Retention]":
    from firebell.replies import store

    return store.RETENTIONS


SLICE = Slice(
    "replies",
    tables=("channel_signal", "channel_poll", "callback_refusal"),
    kept={
        "channel_poll": "One row for each channel that fetches.",
        "callback_refusal": "One row for each channel.",
    },
    retentions=_retentions,
    routers=_routers,
)
