"""The API of the versions of a runbook."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from firebell.kit.text import MAX_ID
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, PathId, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.runbooks import actions
from firebell.runbooks.model import RunbookVersion

router = api.router("runbooks", "/runbooks")

Reader = Annotated[Work, work(Verb.RUNBOOK_READ)]
Responder = Annotated[Work, work(Verb.RUNBOOK_WRITE)]


class RunbookVersionShown(ApiOutput):
    """One text that a runbook had; `commit` and `path` are those of its source, empty if it was written in the app."""

    version: Annotated[int, Field(validation_alias="number")]
    sha256: str
    source_id: int | None
    commit: str
    path: str
    committed_at: datetime
    author: str


class RunbookVersionDetail(RunbookVersionShown):
    """A version with its Markdown."""

    body: str


class RestoredVersion(ApiOutput):
    """What restoring did: unchanged if the text is already the current one."""

    slug: str
    change: Literal["created", "changed", "unchanged"]


def _detail(version: RunbookVersion) -> RunbookVersionDetail:
    return RunbookVersionDetail.model_validate(version)


@router.get(
    "/{slug}/versions", summary="List the versions of a runbook, newest first", responses=problems(404)
)
async def list_runbook_versions(
    w: Reader, slug: Text, before: Annotated[int, Field(ge=1, le=MAX_ID)] = MAX_ID
) -> list[RunbookVersionShown]:
    await actions.runbook(w.tx, slug)
    return [RunbookVersionShown.model_validate(v) for v in await actions.versions(w.tx, slug, before)]


@router.get("/{slug}/versions/{version}", summary="Get a version of a runbook", responses=problems(404))
async def get_runbook_version(w: Reader, slug: Text, version: PathId) -> RunbookVersionDetail:
    return _detail(await actions.version(w.tx, slug, version))


@router.post(
    "/{slug}/versions/{version}/restore",
    summary="Save the text of an earlier version as the newest one",
    responses=problems(404, 409),
)
async def restore_runbook_version(w: Responder, slug: Text, version: PathId) -> RestoredVersion:
    change = await actions.restore_version(w.tx, w.actor, slug, version, w.now)
    return RestoredVersion(slug=slug, change=change.value)
