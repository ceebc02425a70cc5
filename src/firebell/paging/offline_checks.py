"""Checks of actions that arrive late from a phone that was offline; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.kit.errors import Conflict
from firebell.kit.restoration import is_lost
from firebell.paging.model import Page, PageState

AGE_LIMIT = timedelta(minutes=30)
"""Age up to which an action is performed without asking again."""
_PRESSED = {"ack": "Acknowledge", "resolve": "Resolve", "escalate": "Escalate", "snooze": "Snooze"}
_NOW = {
    PageState.TRIGGERED: "is not acknowledged",
    PageState.ACKED: "is acknowledged",
    PageState.SNOOZED: "is snoozed",
    PageState.EXHAUSTED: "is unanswered and its escalation is exhausted",
    PageState.RESOLVED: "is resolved",
}


class ActionKind(StrEnum):
    """The actions on a page that a browser stores until they are sent."""

    ACK = "ack"
    RESOLVE = "resolve"
    ESCALATE = "escalate"
    SNOOZE = "snooze"


class Stale(Conflict):
    """The action is too old, or the page has changed since: the person has to confirm it."""

    code = "stale"


@dataclass(frozen=True, slots=True)
class DelayedAction:
    """An action as it was pressed; `position` is that of the page on the screen, "" if confirmed again."""

    kind: ActionKind
    key: str
    """Unique per press; an action is performed once per key."""
    pressed_at: datetime
    position: str = ""
    snooze_for: timedelta = timedelta(minutes=30)
    snooze_to: datetime | None = None
    """The end of the snooze, if a time was chosen instead of a duration."""

    @property
    def snooze_until(self) -> datetime:
        """The end of the snooze; a duration counts from the press."""
        return self.snooze_to or self.pressed_at + self.snooze_for


def position(page: Page) -> str:
    """Return the position of a page in its plan; it changes when someone acts or a level is entered."""
    return f"{page.epoch}.{page.round}.{page.level}"


def same_plan(page: Page, position_: str) -> bool:
    """Return True if the page still follows the plan of `position_`, at whatever level."""
    return position_.partition(".")[0] == str(page.epoch)


def objection(page: Page, action: DelayedAction, now: datetime) -> str:
    """Return why the action on an open page must be confirmed; empty if it can be performed."""
    label, age = _PRESSED[action.kind], now - action.pressed_at
    if age > AGE_LIMIT:
        return f"You pressed {label} for {page.ref} {int(age.total_seconds() // 60)} minutes ago."
    if action.kind is ActionKind.SNOOZE and action.snooze_until <= now:
        return f"The snooze of {page.ref} would have ended by now."
    if not action.position:
        return ""
    if is_lost(action.pressed_at, page.triggered_at):
        return f"You pressed {label} before {page.ref} began, for an earlier page with the same number."
    if _applies(page, action):
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
