"""Slice declaration: opsgenie."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import Slice

if TYPE_CHECKING:
    from firebell.kit.jobs.pruning import Retention


def _retentions() -> "Sequence[Retention]":
    from firebell.opsgenie import retention_store

    return retention_store.RETENTIONS


SLICE = Slice("opsgenie", tables=("opsgenie_request",), retentions=_retentions)
