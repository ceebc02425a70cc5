"""Slice declaration: action items."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import Slice, Subscriptions

if TYPE_CHECKING:
    from firebell.kit.jobs.timers import Handler


def _timers() -> Mapping[str, "Handler"]:
    from firebell.action_items import timers

    return timers.HANDLERS


def _subscriptions() -> Subscriptions:
    from firebell.action_items import actions
    from firebell.incidents.model import IncidentMerged
    from firebell.people.model import PersonLeft

    return Subscriptions(
        must={IncidentMerged: (actions.merge_items,), PersonLeft: (actions.reassign_items,)},
    )


SLICE = Slice(
    "action_items",
    tables=("action_item", "action_event", "action_question"),
    kept={
        "action_item": "An action item is kept with its incident.",
        "action_event": "The history of an item is kept with it, as evidence.",
        "action_question": "An answer is kept with its incident, as evidence.",
    },
    timers=_timers,
    subscriptions=_subscriptions,
)
