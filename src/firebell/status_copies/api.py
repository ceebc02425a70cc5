"""The API of copies of status pages."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.kit.text import to_number
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, PathId, StrictBool, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_copies import actions, queries
from firebell.status_copies.model import (
    CopyState,
    DifferenceKind,
    DifferenceState,
    Provider,
    StepState,
)
from firebell.status_copies.queries import CopyView
from firebell.status_pages import actions as status_pages

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.STATUS_COPY_READ)]
Manager = Annotated[Work, work(Verb.STATUS_COPY_WRITE)]
COPY = "/status-pages/{slug}/copies/{copy_id}"


class MappedComponent(ApiOutput):
    """A component and the one there that stands for it."""

    component_id: int
    name: str
    remote_id: str | None


class RemoteComponentShown(ApiOutput):
    """A component of the remote page."""

    id: str
    name: str
    group: str


class QueuedUpdate(ApiOutput):
    """An update that is not on the copy yet; `version` above 1 is an edit of it."""

    update_id: int
    version: int
    incident: str
    name: str
    seq: int
    state: StepState
    attempts: int
    retry_at: datetime | None
    error: str


class DifferenceShown(ApiOutput):
    """Something that is different on the copy."""

    id: int
    kind: DifferenceKind
    subject: str
    label: str
    ours: str
    theirs: str
    since: datetime
    state: DifferenceState
    error: str


class OfferedPostmortemShown(ApiOutput):
    """A published post-mortem that was not sent to the copy."""

    incident: str
    name: str


class CopyShown(ApiOutput):
    """A copy of a status page; its key is never shown."""

    id: int
    provider: Provider
    remote_page_id: str
    key_hint: str
    notifies: bool
    state: CopyState
    reason: str
    created_at: datetime
    checked_at: datetime | None
    last_ok_at: datetime | None
    is_importing: bool
    imported: int
    components: list[MappedComponent]
    remote_components: list[RemoteComponentShown]
    queue: list[QueuedUpdate]
    differences: list[DifferenceShown]
    postmortems: Annotated[
        list[OfferedPostmortemShown], Field(description="published post-mortems that you can send there")
    ]


class NewCopy(ApiInput):
    """A page elsewhere that becomes a copy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"provider": "statuspage", "remote_page_id": "kctbh9vrtdwd", "key": "…"}]
        }
    )

    provider: Provider
    remote_page_id: Annotated[Text, Field(max_length=64)]
    key: Annotated[Text, Field(max_length=actions.KEY_MAX_CHARS)]


class ChangedCopy(ApiInput):
    """What to change of a copy; what is left out stays as it is. A new key resumes a copy that was stopped."""

    notifies: StrictBool | None = None
    is_paused: StrictBool | None = None
    key: Annotated[Text, Field(max_length=actions.KEY_MAX_CHARS)] | None = None


class ComponentMap(ApiInput):
    """The remote component of each component, by the id of ours; one that is left out is not copied."""

    components: Annotated[
        dict[str, Annotated[Text, Field(max_length=64)]],
        Field(max_length=status_pages.MAX_COMPONENTS, examples=[{"3": "8kbf7d35c070"}]),
    ]


def _shown(view: CopyView) -> CopyShown:
    copy = view.copy
    return CopyShown(
        id=copy.id,
        provider=copy.provider,
        remote_page_id=copy.remote_page_id,
        key_hint=copy.key_hint,
        notifies=copy.notifies,
        state=copy.state,
        reason=copy.reason,
        created_at=copy.created_at,
        checked_at=copy.checked_at,
        last_ok_at=copy.last_ok_at,
        is_importing=copy.import_page is not None,
        imported=copy.imported,
        components=[
            MappedComponent(component_id=c.id, name=c.name, remote_id=view.mapped.get(c.id))
            for c in view.components
        ],
        remote_components=[
            RemoteComponentShown(id=c.id, name=c.name, group=c.group_name) for c in view.remote_components
        ],
        queue=[
            QueuedUpdate(
                update_id=q.step.update_id,
                version=q.step.version,
                incident=q.incident_public_id,
                name=q.incident_name,
                seq=q.seq,
                state=q.step.state,
                attempts=q.step.attempts,
                retry_at=q.step.retry_at,
                error=q.step.error,
            )
            for q in view.queue
        ],
        postmortems=[
            OfferedPostmortemShown(incident=each.public_id, name=each.name) for each in view.postmortems
        ],
        differences=[
            DifferenceShown(
                id=d.id,
                kind=d.kind,
                subject=d.subject,
                label=d.label,
                ours=d.ours,
                theirs=d.theirs,
                since=d.since_at,
                state=d.state,
                error=d.error,
            )
            for d in view.differences
        ],
    )


async def _one(w: Work, slug: str, copy_id: int) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    copy = await actions.status_copy(w.tx, page, copy_id)
    views = await queries.copy_views(w.tx, page, w.now)
    return _shown(next(view for view in views if view.copy.id == copy.id))


@router.get("/status-pages/{slug}/copies", summary="List copies of a status page", responses=problems(404))
async def list_copies(w: Reader, slug: Text) -> list[CopyShown]:
    page = await status_pages.status_page(w.tx, slug)
    return [_shown(view) for view in await queries.copy_views(w.tx, page, w.now)]


@router.post(
    "/status-pages/{slug}/copies",
    status_code=201,
    summary="Copy a status page to Statuspage or Instatus from now on",
    responses=problems(404, 409),
)
async def connect_copy(w: Manager, slug: Text, body: NewCopy) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    copy = await actions.connect(w.tx, w.actor, page.id, body.provider, body.remote_page_id, body.key, w.now)
    return await _one(w, slug, copy.id)


@router.get(COPY, summary="Show a copy with its queue and what is different there", responses=problems(404))
async def show_copy(w: Reader, slug: Text, copy_id: PathId) -> CopyShown:
    return await _one(w, slug, copy_id)


@router.patch(COPY, summary="Change a copy: pause it, or replace its key", responses=problems(404))
async def change_copy(w: Manager, slug: Text, copy_id: PathId, body: ChangedCopy) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    if body.key is not None:
        await actions.change_key(w.tx, w.actor, page, copy_id, body.key, w.now)
    if body.notifies is not None:
        await actions.set_notifies(w.tx, w.actor, page, copy_id, body.notifies, w.now)
    if body.is_paused is not None:
        change = actions.pause if body.is_paused else actions.resume
        await change(w.tx, w.actor, page, copy_id, w.now)
    return await _one(w, slug, copy_id)


@router.delete(
    COPY, status_code=204, summary="Disconnect a copy; the page there stays", responses=problems(404)
)
async def disconnect_copy(w: Manager, slug: Text, copy_id: PathId) -> None:
    page = await status_pages.status_page(w.tx, slug)
    await actions.disconnect(w.tx, w.actor, page, copy_id, w.now)


@router.put(f"{COPY}/components", summary="Map the components of a copy", responses=problems(404))
async def map_components(w: Manager, slug: Text, copy_id: PathId, body: ComponentMap) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    mapped = {to_number(own, "components", least=1): theirs for own, theirs in body.components.items()}
    await actions.map_components(w.tx, w.actor, page, copy_id, mapped, w.now)
    return await _one(w, slug, copy_id)


@router.post(f"{COPY}/check", summary="Compare a copy now", responses=problems(404))
async def check_copy(w: Manager, slug: Text, copy_id: PathId) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.check_now(w.tx, w.actor, page, copy_id, w.now)
    return await _one(w, slug, copy_id)


@router.post(
    f"{COPY}/import",
    summary="Import components, groups and incidents of a copy that you don't have",
    responses=problems(404, 409),
)
async def import_copy(w: Manager, slug: Text, copy_id: PathId) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.start_import(w.tx, w.actor, page, copy_id, w.now)
    return await _one(w, slug, copy_id)


@router.post(
    f"{COPY}/queue/{{update_id}}/{{version}}/retry",
    summary="Try an update again that was refused or given up",
    responses=problems(404, 409),
)
async def retry_copied_update(
    w: Manager, slug: Text, copy_id: PathId, update_id: PathId, version: PathId
) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.retry_step(w.tx, w.actor, page, copy_id, update_id, version, w.now)
    return await _one(w, slug, copy_id)


@router.post(
    f"{COPY}/queue/{{update_id}}/{{version}}/skip",
    summary="Leave an update out of a copy",
    responses=problems(404, 409),
)
async def skip_copied_update(
    w: Manager, slug: Text, copy_id: PathId, update_id: PathId, version: PathId
) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.skip_step(w.tx, w.actor, page, copy_id, update_id, version, w.now)
    return await _one(w, slug, copy_id)


@router.post(
    f"{COPY}/postmortems/{{public_id}}",
    summary="Send the published post-mortem of an incident to a copy",
    responses=problems(404, 409),
)
async def send_copied_postmortem(w: Manager, slug: Text, copy_id: PathId, public_id: Text) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.send_postmortem(w.tx, w.actor, page, copy_id, public_id, w.now)
    return await _one(w, slug, copy_id)


@router.post(
    f"{COPY}/differences/{{difference_id}}/overwrite",
    summary="Make a copy say what the status page says",
    responses=problems(404),
)
async def overwrite_difference(w: Manager, slug: Text, copy_id: PathId, difference_id: PathId) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.overwrite(w.tx, w.actor, page, copy_id, difference_id, w.now)
    return await _one(w, slug, copy_id)


@router.post(
    f"{COPY}/differences/{{difference_id}}/adopt",
    summary="Publish the stage and text of an incident there as our next update",
    responses=problems(403, 404, 409),
)
async def adopt_difference(w: Manager, slug: Text, copy_id: PathId, difference_id: PathId) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.adopt(w.tx, w.actor, page, copy_id, difference_id, w.now)
    return await _one(w, slug, copy_id)


@router.post(
    f"{COPY}/differences/{{difference_id}}/ignore",
    summary="Ignore a difference until it changes there",
    responses=problems(404),
)
async def ignore_difference(w: Manager, slug: Text, copy_id: PathId, difference_id: PathId) -> CopyShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.ignore(w.tx, w.actor, page, copy_id, difference_id, w.now)
    return await _one(w, slug, copy_id)
