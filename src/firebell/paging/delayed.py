"""Whether an action that arrives late, from a phone without a connection, may still be carried out; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.kit.errors import Conflict
from firebell.paging.model import Page, PageState

AGE_LIMIT = timedelta(minutes=30)
"""How long after the button was pressed an action is carried out without asking again."""
_PRESSED = {"ack": "Acknowledge", "resolve": "Resolve", "escalate": "Escalate", "snooze": "Snooze"}
_NOW = {
    PageState.TRIGGERED: "is not acknowledged",
    PageState.ACKED: "is acknowledged",
    PageState.SNOOZED: "is snoozed",
    PageState.EXHAUSTED: "is unanswered and its escalation is exhausted",
    PageState.RESOLVED: "is resolved",
}


class ActionKind(StrEnum):
    """What a responder can do with a page and a browser keeps until it is sent."""

    ACK = "ack"
    RESOLVE = "resolve"
    ESCALATE = "escalate"
    SNOOZE = "snooze"


class Stale(Conflict):
    """The action is too old, or was meant for an earlier state of the page: the person has to confirm it."""

    code = "stale"


@dataclass(frozen=True, slots=True)
class DelayedAction:
    """An action as it was decided: `position` is that of the page on the screen, "" when confirmed again."""

    kind: ActionKind
    key: str
    """Unique per press: the same key is carried out once."""
    pressed_at: datetime
    position: str = ""
    snooze_for: timedelta = timedelta(minutes=30)

    @property
    def snooze_until(self) -> datetime:
        """The end of the snooze, counted from the press."""
        return self.pressed_at + self.snooze_for


def position(page: Page) -> str:
    """Return where a page stands in its plan; it changes when someone acts or the next level is paged."""
    return f"{page.epoch}.{page.round}.{page.level}"


def same_plan(page: Page, position_: str) -> bool:
    """Return True if nothing but the levels of the same plan came between `position_` and now."""
    return position_.partition(".")[0] == str(page.epoch)


def objection(page: Page, action: DelayedAction, now: datetime) -> str:
    """Return why an open page's action must be confirmed before it is carried out; empty if it need not be."""
    label, age = _PRESSED[action.kind], now - action.pressed_at
    if age > AGE_LIMIT:
        return f"You pressed {label} for {page.ref} {int(age.total_seconds() // 60)} minutes ago."
    if action.kind is ActionKind.SNOOZE and action.snooze_until <= now:
        return f"The snooze of {page.ref} would have ended by now."
    if not action.position or _applies(page, action):
        return ""
    level = (
        f" at level {page.level + 1} of {len(page.plan.levels)}" if page.state is PageState.TRIGGERED else ""
    )
    return f"{page.ref} changed after you pressed {label}: it {_NOW[page.state]}{level}."


def _applies(page: Page, action: DelayedAction) -> bool:
    match action.kind:
        case ActionKind.ESCALATE:
            return position(page) == action.position
        case ActionKind.ACK if page.state in (PageState.ACKED, PageState.EXHAUSTED):
            return True
        case _:
            return same_plan(page, action.position)
