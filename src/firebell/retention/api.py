"""The API of retention: read only, because it is set by an environment variable."""

from datetime import datetime
from typing import Annotated

from fastapi import Request

from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.retention import queries

router = api.router("organization", "/retention")

Auditor = Annotated[Work, work(Verb.AUDIT_READ)]


class RetentionShown(ApiOutput):
    """How long the rows of some tables are kept.

    `days` is null if they are kept forever. `waiting` rows are older and wait to be deleted; only 10,000 rows of a
    table are read, and with `has_more` there may be more. `last_ended_at` is null while a deletion runs, and before
    the first.
    """

    label: str
    tables: list[str]
    setting: str
    days: int | None
    is_default: bool
    waiting: int
    has_more: bool
    is_running: bool
    last_began_at: datetime | None
    last_ended_at: datetime | None
    next_at: datetime | None


@router.get("", summary="List how long data is kept, and what waits to be deleted")
async def list_retention(w: Auditor, request: Request) -> list[RetentionShown]:
    statuses = await queries.statuses(w.tx, request.app.state.retentions, w.ctx.retention_days, w.now)
    return [RetentionShown.model_validate(status) for status in statuses]
