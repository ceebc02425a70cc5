"""The API of status pages, their groups and components."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.kit.text import to_number
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    PathId,
    StrictBool,
    StrictInt,
    Text,
    TimeZone,
    problems,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions, queries, store
from firebell.status_pages.model import IndicatorRule, PageVisibility
from firebell.status_pages.text_limits import DESCRIPTION_MAX_CHARS
from firebell.status_pages.view import ComponentView, StatusView

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
Manager = Annotated[Work, work(Verb.STATUS_PAGE_WRITE)]


class ComponentShown(ApiOutput):
    """A component with its status, which follows from what was published."""

    id: int
    public_id: str
    name: str
    description: str
    group_id: int | None
    position: int
    start_date: date
    shows_uptime: bool
    only_if_affected: Annotated[bool, Field(description="true if it is hidden while it is operational")]
    service_ids: list[int]
    status: str
    uptime_90d: Annotated[float | None, Field(description="from 0 to 1; null without data")]


class GroupShown(ApiOutput):
    """A group of components."""

    id: int
    public_id: str
    name: str
    description: str
    position: int


class StatusPageShown(ApiOutput):
    """A status page as of now."""

    slug: str
    name: str
    url: str
    tz: str
    about: str
    support_url: str
    visibility: PageVisibility
    partial_weight: Annotated[int, Field(description="percent of a partial outage that counts as downtime")]
    degraded_weight: int
    indicator_rule: Annotated[
        IndicatorRule,
        Field(description="blend: by how many components are affected; worst: that of the worst one"),
    ]
    indicator: str
    description: str
    groups: list[GroupShown]
    components: list[ComponentShown]


class NewStatusPage(ApiInput):
    """A status page to create, with a component for each of the services."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"slug": "kestrel", "name": "Kestrel", "tz": "Europe/Stockholm"}]}
    )

    slug: Text
    name: Text
    tz: TimeZone
    visibility: PageVisibility = PageVisibility.PUBLIC
    service_ids: Annotated[list[Id], Field(default_factory=list, max_length=actions.MAX_COMPONENTS)]
    component_names: Annotated[
        dict[str, Text],
        Field(
            default_factory=dict,
            max_length=actions.MAX_COMPONENTS,
            description="what customers call a service, by its id; its own name without",
            examples=[{"3": "Checkout"}],
        ),
    ]


class ChangedStatusPage(ApiInput):
    """What to change of a status page; what is left out stays as it is."""

    name: Text | None = None
    tz: TimeZone | None = None
    about: Text | None = None
    support_url: Text | None = None
    visibility: PageVisibility | None = None
    partial_weight: Annotated[StrictInt, Field(ge=0, le=100)] | None = None
    degraded_weight: Annotated[StrictInt, Field(ge=0, le=100)] | None = None
    indicator_rule: IndicatorRule | None = None


class NewGroup(ApiInput):
    """A group of components to add."""

    name: Annotated[Text, Field(examples=["Europe"])]


class ChangedGroup(ApiInput):
    """What to change of a group; what is left out stays as it is."""

    name: Text | None = None
    description: Annotated[Text, Field(max_length=DESCRIPTION_MAX_CHARS)] | None = None
    position: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None


class NewComponent(ApiInput):
    """A component to add."""

    name: Text
    group_id: Id | None = None
    service_ids: Annotated[list[Id], Field(default_factory=list, max_length=1000)]
    start_date: date | None = None


class ChangedComponent(ApiInput):
    """What to change of a component; what is left out stays as it is."""

    name: Text | None = None
    description: Text | None = None
    group_id: Id | None = None
    position: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None
    start_date: date | None = None
    shows_uptime: StrictBool | None = None
    only_if_affected: StrictBool | None = None
    service_ids: Annotated[list[Id], Field(max_length=1000)] | None = None


def _component(shown: ComponentView) -> ComponentShown:
    component = shown.component
    return ComponentShown(
        id=component.id,
        public_id=component.public_id,
        name=component.name,
        description=component.description,
        group_id=component.group_id,
        position=component.position,
        start_date=component.start_date,
        shows_uptime=component.shows_uptime,
        only_if_affected=component.only_if_affected,
        service_ids=list(component.service_ids),
        status=shown.status.code,
        uptime_90d=None if shown.uptime is None else float(shown.uptime),
    )


def _page(view: StatusView, public_url: str) -> StatusPageShown:
    page = view.snapshot.page
    return StatusPageShown(
        slug=page.slug,
        name=page.name,
        url=f"{public_url}/s/{page.slug}",
        tz=page.tz,
        about=page.about,
        support_url=page.support_url,
        visibility=page.visibility,
        partial_weight=page.partial_weight,
        degraded_weight=page.degraded_weight,
        indicator_rule=page.indicator_rule,
        indicator=view.indicator.impact.code,
        description=view.indicator.description,
        groups=[GroupShown.model_validate(group) for group in view.snapshot.groups],
        components=[_component(each) for each in view.components],
    )


@router.get("/status-pages", summary="List status pages")
async def list_status_pages(w: Reader) -> list[StatusPageShown]:
    return [
        _page(await queries.view_of(w.tx, page, w.now), w.ctx.public_url) for page in await store.pages(w.tx)
    ]


@router.post("/status-pages", status_code=201, summary="Create a status page", responses=problems(404, 409))
async def create_status_page(w: Manager, body: NewStatusPage) -> StatusPageShown:
    page = await actions.create_status_page(
        w.tx,
        w.actor,
        slug=body.slug,
        name=body.name,
        tz=body.tz,
        visibility=body.visibility,
        component_of=body.service_ids,
        component_names={
            to_number(key, "component_names", least=1): name for key, name in body.component_names.items()
        },
        now=w.now,
    )
    return _page(await queries.view_of(w.tx, page, w.now), w.ctx.public_url)


@router.get("/status-pages/{slug}", summary="Show a status page", responses=problems(404))
async def show_status_page(w: Reader, slug: Text) -> StatusPageShown:
    page = await actions.status_page(w.tx, slug)
    return _page(await queries.view_of(w.tx, page, w.now), w.ctx.public_url)


@router.patch("/status-pages/{slug}", summary="Change a status page", responses=problems(404))
async def change_status_page(w: Manager, slug: Text, body: ChangedStatusPage) -> StatusPageShown:
    page = await actions.status_page(w.tx, slug)
    values = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    changed = await actions.update_status_page(w.tx, w.actor, page.id, values, w.now)
    return _page(await queries.view_of(w.tx, changed, w.now), w.ctx.public_url)


@router.post(
    "/status-pages/{slug}/groups",
    status_code=201,
    summary="Add a group of components to a status page",
    responses=problems(404, 409),
)
async def add_group(w: Manager, slug: Text, body: NewGroup) -> GroupShown:
    page = await actions.status_page(w.tx, slug)
    return GroupShown.model_validate(await actions.add_group(w.tx, w.actor, page.id, body.name, w.now))


@router.patch("/status-pages/{slug}/groups/{group_id}", summary="Change a group", responses=problems(404))
async def change_group(w: Manager, slug: Text, group_id: PathId, body: ChangedGroup) -> GroupShown:
    page = await actions.status_page(w.tx, slug)
    values = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    group = await actions.update_group(w.tx, w.actor, page.id, group_id, values, w.now)
    return GroupShown.model_validate(group)


@router.delete(
    "/status-pages/{slug}/groups/{group_id}",
    status_code=204,
    summary="Remove a group; its components stay",
    responses=problems(404),
)
async def remove_group(w: Manager, slug: Text, group_id: PathId) -> None:
    page = await actions.status_page(w.tx, slug)
    await actions.remove_group(w.tx, w.actor, page.id, group_id, w.now)


@router.post(
    "/status-pages/{slug}/components",
    status_code=201,
    summary="Add a component to a status page",
    responses=problems(404, 409),
)
async def add_component(w: Manager, slug: Text, body: NewComponent) -> StatusPageShown:
    page = await actions.status_page(w.tx, slug)
    await actions.add_component(
        w.tx,
        w.actor,
        page.id,
        name=body.name,
        service_ids=body.service_ids,
        group_id=body.group_id,
        start_date=body.start_date,
        now=w.now,
    )
    return _page(await queries.view_of(w.tx, page, w.now), w.ctx.public_url)


@router.patch(
    "/status-pages/{slug}/components/{component_id}",
    summary="Change a component",
    responses=problems(404, 409),
)
async def change_component(
    w: Manager, slug: Text, component_id: PathId, body: ChangedComponent
) -> StatusPageShown:
    page = await actions.status_page(w.tx, slug)
    values = {
        name: value
        for name, value in body.model_dump(exclude_unset=True).items()
        if value is not None or name == "group_id"
    }
    await actions.update_component(w.tx, w.actor, page.id, component_id, values, w.now)
    return _page(await queries.view_of(w.tx, page, w.now), w.ctx.public_url)
