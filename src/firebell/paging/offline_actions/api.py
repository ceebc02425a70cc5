"""Actions on a page that were pressed while offline, over JSON."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, Instant, StrictInt, Text, problems
from firebell.paging import api as page_api
from firebell.paging.offline_actions import actions as offline_actions
from firebell.paging.offline_checks import ActionKind, DelayedAction

router = api.router()


class PageAction(ApiInput):
    """An action, when it was pressed, and the `position` of the page then; empty if it was confirmed again.

    A snooze ends `until`, or after `minutes`.
    """

    action: ActionKind
    key: Annotated[Text, Field(min_length=8, max_length=100)]
    pressed_at: Instant
    position: Annotated[Text, Field(max_length=80)] = ""
    minutes: Annotated[StrictInt, Field(ge=1, le=1440)] = 30
    until: Instant | None = None


class PageActionDone(page_api.PageAcked):
    """The page; `next_position` is the position for the caller's next action, empty if someone else acted."""

    next_position: str


@router.post(
    "/pages/{ref}/actions",
    tags=["pages"],
    summary="Perform an action that was decided earlier, once per `key`; 409 `stale` asks to confirm it",
    responses=problems(404, 409),
)
async def perform_page_action(w: page_api.Responder, ref: Text, body: PageAction) -> PageActionDone:
    action = DelayedAction(
        body.action,
        body.key,
        min(body.pressed_at, w.now),
        body.position,
        timedelta(minutes=body.minutes),
        body.until,
    )
    outcome = await offline_actions.perform(w.tx, w.actor, parse_ref("PG", ref), action, w.now)
    shown = await page_api.shown(w.tx, outcome.page, w.now)
    return PageActionDone(**shown.model_dump(), already=outcome.already, next_position=outcome.position)
