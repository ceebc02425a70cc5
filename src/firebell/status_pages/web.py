"""The pages on which people set up status pages and their components."""

from collections.abc import Mapping
from datetime import date

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.text import slugify, to_choice, to_choices, to_id, to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.status_pages import actions, queries, store
from firebell.status_pages.model import Component, IndicatorRule, PageVisibility, StatusPage
from firebell.status_pages.public import embedding
from firebell.status_pages.public.headlines import headline
from firebell.status_pages.public.languages import ENGLISH
from firebell.status_pages.suggested_names import suggested_name

router = routing.html_router()


def visibility_of(value: str) -> PageVisibility:
    """Return the visibility in a field; raise `Invalid`."""
    if value not in list(PageVisibility):
        raise Invalid(f"{value[:40]!r} is not a visibility.", fields={"visibility": "Choose from the list."})
    return PageVisibility(value)


def _indicator_rule(value: str) -> IndicatorRule:
    if value not in list(IndicatorRule):
        raise Invalid(f"{value[:40]!r} is not a rule.", fields={"indicator_rule": "Choose from the list."})
    return IndicatorRule(value)


async def _list(visit: Visit, values: Mapping[str, str], error: FirebellError | None = None) -> Response:
    views = [await queries.view_of(visit.tx, page, visit.now) for page in await store.pages(visit.tx)]
    context = {
        "nav": "status-pages",
        "shown": [(view, headline(view, ENGLISH)) for view in views],
        "service_options": [
            (service.id, service.name, suggested_name(service.name))
            for service in await catalog.services(visit.tx)
        ],
        "values": values,
        "chosen": set(to_choices(visit.form.getlist("service"), "service")) if error else set(),
        "error": error,
    }
    return await html.render(visit.request, "status_pages/list.html", context)


@router.get("/status-pages", dependencies=route_access.needs(Verb.STATUS_PAGE_READ))
async def list_pages(visit: CurrentVisit) -> Response:
    return await _list(visit, {})


@router.post("/status-pages", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def create(visit: CurrentVisit) -> Response:
    values = visit.values
    try:
        async with visit.tx.savepoint():
            services = to_choices(visit.form.getlist("service"), "service")
            page = await actions.create_status_page(
                visit.tx,
                visit.actor,
                slug=values.get("slug") or slugify(values.get("name", "")),
                name=values.get("name", ""),
                tz=values.get("tz") or visit.person.tz,
                visibility=visibility_of(values.get("visibility", "public")),
                component_of=services,
                component_names={id_: values.get(f"component-{id_}", "") for id_ in services},
                now=visit.now,
            )
    except FirebellError as error:
        return await _list(visit, values, error)
    return flash.redirect(visit.request, f"/status-pages/{page.slug}", "Status page published.")


async def _show(visit: Visit, slug: str, refused: str = "", error: FirebellError | None = None) -> Response:
    """Show a page; `refused` names the form whose values are shown again, because several have the same fields."""
    page = await actions.status_page(visit.tx, slug)
    view = await queries.view_of(visit.tx, page, visit.now)
    used_groups = {each.component.group_id for each in view.components}
    context = {
        "nav": "status-pages",
        "live": f"{actions.topic(page)},incidents",
        "page": page,
        "view": view,
        "behind": await queries.behind(visit.tx, view.snapshot.incidents),
        "hidden_ids": await incidents.hidden_ids(visit.tx),
        "all_groups": view.snapshot.groups,
        "empty_groups": [group for group in view.snapshot.groups if group.id not in used_groups],
        "service_options": [(service.id, service.name) for service in await catalog.services(visit.tx)],
        "refused": refused,
        "values": visit.values if refused else {},
        "chosen": set(to_choices(visit.form.getlist("service"), "service")) if refused else set(),
        "error": error,
    }
    return await html.render(visit.request, "status_pages/admin.html", context)


@router.get("/status-pages/{slug}", dependencies=route_access.needs(Verb.STATUS_PAGE_READ))
async def show(visit: CurrentVisit, slug: str) -> Response:
    return await _show(visit, slug)


@router.post("/status-pages/{slug}", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def change(visit: CurrentVisit, slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            values = {
                "name": visit.text("name"),
                "tz": visit.text("tz"),
                "about": visit.text("about"),
                "support_url": visit.text("support_url"),
                "visibility": visibility_of(visit.text("visibility")),
                "partial_weight": to_number(visit.text("partial_weight"), "partial_weight", most=100),
                "degraded_weight": to_number(visit.text("degraded_weight"), "degraded_weight", most=100),
                "indicator_rule": _indicator_rule(visit.text("indicator_rule")),
            }
            await actions.update_status_page(visit.tx, visit.actor, page.id, values, visit.now)
    except FirebellError as error:
        return await _show(visit, slug, "settings", error)
    return flash.redirect(visit.request, f"/status-pages/{slug}", "Changes saved.")


@router.post("/status-pages/{slug}/groups", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def add_group(visit: CurrentVisit, slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            await actions.add_group(visit.tx, visit.actor, page.id, visit.text("name"), visit.now)
    except FirebellError as error:
        return await _show(visit, slug, "group", error)
    return flash.redirect(visit.request, f"/status-pages/{slug}", "Group added.")


@router.post(
    "/status-pages/{slug}/groups/{group_id}", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE)
)
async def change_group(visit: CurrentVisit, slug: str, group_id: str) -> Response:
    page, number = await actions.status_page(visit.tx, slug), to_id(group_id) or 0
    try:
        async with visit.tx.savepoint():
            values = {
                "name": visit.text("name"),
                "description": visit.text("description"),
                "position": to_number(visit.text("position"), "position", least=1, most=10_000),
            }
            await actions.update_group(visit.tx, visit.actor, page.id, number, values, visit.now)
    except NotFound:
        raise
    except FirebellError as error:
        return await _show(visit, slug, f"group-{number}", error)
    return flash.redirect(visit.request, f"/status-pages/{slug}", "Group saved.")


@router.post(
    "/status-pages/{slug}/groups/{group_id}/remove", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE)
)
async def remove_group(visit: CurrentVisit, slug: str, group_id: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    await actions.remove_group(visit.tx, visit.actor, page.id, to_id(group_id) or 0, visit.now)
    return flash.redirect(visit.request, f"/status-pages/{slug}", "Group removed.")


@router.post("/status-pages/{slug}/components", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def add_component(visit: CurrentVisit, slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            await actions.add_component(
                visit.tx,
                visit.actor,
                page.id,
                name=visit.text("name"),
                service_ids=to_choices(visit.form.getlist("service"), "service"),
                group_id=to_choice(visit.text("group"), "group"),
                now=visit.now,
            )
    except FirebellError as error:
        return await _show(visit, slug, "component", error)
    return flash.redirect(visit.request, f"/status-pages/{slug}", "Component added.")


async def _component(visit: Visit, slug: str, component_id: str) -> tuple[StatusPage, Component]:
    page, number = await actions.status_page(visit.tx, slug), to_id(component_id)
    for component in await store.components(visit.tx, page.id):
        if component.id == number:
            return page, component
    raise NotFound(f"{page.name} has no component {component_id[:40]}.")


@router.post(
    "/status-pages/{slug}/components/{component_id}", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE)
)
async def change_component(visit: CurrentVisit, slug: str, component_id: str) -> Response:
    page, component = await _component(visit, slug, component_id)
    try:
        async with visit.tx.savepoint():
            values = {
                "name": visit.text("name"),
                "description": visit.text("description"),
                "group_id": to_choice(visit.text("group"), "group"),
                "position": to_number(visit.text("position"), "position", least=1, most=10_000),
                "start_date": _day(visit.text("start_date")),
                "shows_uptime": "shows_uptime" in visit.values,
                "only_if_affected": "only_if_affected" in visit.values,
                "service_ids": to_choices(visit.form.getlist("service"), "service"),
            }
            await actions.update_component(visit.tx, visit.actor, page.id, component.id, values, visit.now)
    except FirebellError as error:
        return await _show(visit, slug, f"component-{component.id}", error)
    return flash.redirect(visit.request, f"/status-pages/{slug}", "Component saved.")


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Invalid(
            f"{value[:40]!r} is not a day.", fields={"start_date": "Enter a day such as 2026-11-27."}
        ) from None


@router.post(
    "/status-pages/{slug}/components/{component_id}/archive",
    dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE),
)
async def archive_component(visit: CurrentVisit, slug: str, component_id: str) -> Response:
    page, component = await _component(visit, slug, component_id)
    await actions.archive_component(visit.tx, visit.actor, page.id, component.id, visit.now)
    return flash.redirect(visit.request, f"/status-pages/{slug}", f"{component.name} removed.")


@router.post("/status-pages/{slug}/embed", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def set_embedding(visit: CurrentVisit, slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            await embedding.set_embed_origins(
                visit.tx, visit.actor, page.id, visit.text("origins").split(), visit.now
            )
    except FirebellError as error:
        return await _show(visit, slug, "embed", error)
    return flash.redirect(visit.request, f"/status-pages/{slug}", "Websites saved.")
