"""The page of the copies of a status page: their health, what is different there, and the queue."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Response

from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.text import to_number, to_required
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.status_copies import actions, queries
from firebell.status_copies.model import PROVIDER_LABELS, STUCK, DifferenceKind, Provider, topic
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import StatusPage

router = routing.html_router()

KIND_LABELS = {
    DifferenceKind.STAGE: "Stage",
    DifferenceKind.TEXT: "Latest update",
    DifferenceKind.NAME: "Name",
    DifferenceKind.COMPONENT: "Component",
    DifferenceKind.GONE: "Deleted there",
}


def provider_of(value: str) -> Provider:
    """Return the provider that a form field names; raise `Invalid` if there is none."""
    if value not in list(Provider):
        raise Invalid(f"{value[:40]!r} is not a provider.", fields={"provider": "Choose from the list."})
    return Provider(value)


def _address(page: StatusPage) -> str:
    return f"/status-pages/{page.slug}/copies"


async def _render(
    visit: Visit, page: StatusPage, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    context = {
        "nav": "status-pages",
        "live": topic(page.id),
        "page": page,
        "views": await queries.copy_views(visit.tx, page, visit.now),
        "labels": PROVIDER_LABELS,
        "kinds": KIND_LABELS,
        "stuck": STUCK,
        "providers": list(PROVIDER_LABELS.items()),
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "status_copies/copies.html", context)


@router.get("/status-pages/{slug}/copies", dependencies=route_access.needs(Verb.STATUS_COPY_READ))
async def show(visit: CurrentVisit, slug: str) -> Response:
    return await _render(visit, await status_pages.status_page(visit.tx, slug), {})


@router.post("/status-pages/{slug}/copies", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def connect(visit: CurrentVisit, slug: str) -> Response:
    page = await status_pages.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            copy = await actions.connect(
                visit.tx,
                visit.actor,
                page.id,
                provider_of(visit.text("provider")),
                visit.text("remote_page_id"),
                visit.text("key"),
                visit.now,
            )
    except FirebellError as error:
        kept = {name: value for name, value in visit.values.items() if name != "key"}
        return await _render(visit, page, kept, error)
    return flash.redirect(visit.request, _address(page), f"{copy.label} is connected.")


Change = Callable[[StatusPage, int], Awaitable[object]]


async def _changed(visit: Visit, slug: str, copy_id: str, change: Change, message: str) -> Response:
    """Run an action on a copy; a refusal is shown on the page."""
    page, number = await status_pages.status_page(visit.tx, slug), to_required(copy_id, "copy")
    try:
        async with visit.tx.savepoint():
            await change(page, number)
    except FirebellError as error:
        return await _render(visit, page, {}, error)
    return flash.redirect(visit.request, _address(page), message)


COPY = "/status-pages/{slug}/copies/{copy_id}"


@router.post(f"{COPY}/key", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def change_key(visit: CurrentVisit, slug: str, copy_id: str) -> Response:
    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return actions.change_key(visit.tx, visit.actor, page, number, visit.text("key"), visit.now)

    return await _changed(visit, slug, copy_id, change, "API key saved.")


@router.post(f"{COPY}/notifies", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def set_notifies(visit: CurrentVisit, slug: str, copy_id: str) -> Response:
    notifies = "notifies" in visit.values

    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return actions.set_notifies(visit.tx, visit.actor, page, number, notifies, visit.now)

    return await _changed(visit, slug, copy_id, change, "Changes saved.")


@router.post(f"{COPY}/pause", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def pause(visit: CurrentVisit, slug: str, copy_id: str) -> Response:
    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return actions.pause(visit.tx, visit.actor, page, number, visit.now)

    return await _changed(visit, slug, copy_id, change, "The copy is paused.")


@router.post(f"{COPY}/resume", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def resume(visit: CurrentVisit, slug: str, copy_id: str) -> Response:
    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return actions.resume(visit.tx, visit.actor, page, number, visit.now)

    return await _changed(visit, slug, copy_id, change, "The copy is resumed.")


@router.post(f"{COPY}/check", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def check(visit: CurrentVisit, slug: str, copy_id: str) -> Response:
    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return actions.check_now(visit.tx, visit.actor, page, number, visit.now)

    return await _changed(visit, slug, copy_id, change, "Comparing now.")


@router.post(f"{COPY}/components", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def map_components(visit: CurrentVisit, slug: str, copy_id: str) -> Response:
    prefix = "component-"
    mapped = {
        to_number(name.removeprefix(prefix), "component", least=1): value
        for name, value in visit.values.items()
        if name.startswith(prefix) and value
    }

    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return actions.map_components(visit.tx, visit.actor, page, number, mapped, visit.now)

    return await _changed(visit, slug, copy_id, change, "Components mapped.")


@router.post(f"{COPY}/import", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def start_import(visit: CurrentVisit, slug: str, copy_id: str) -> Response:
    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return actions.start_import(visit.tx, visit.actor, page, number, visit.now)

    return await _changed(visit, slug, copy_id, change, "The import starts as soon as the copy is active.")


@router.post(f"{COPY}/disconnect", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def disconnect(visit: CurrentVisit, slug: str, copy_id: str) -> Response:
    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return actions.disconnect(visit.tx, visit.actor, page, number, visit.now)

    return await _changed(visit, slug, copy_id, change, "Disconnected.")


@router.post(
    f"{COPY}/queue/{{update_id}}/{{version}}", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE)
)
async def decide_step(visit: CurrentVisit, slug: str, copy_id: str, update_id: str, version: str) -> Response:
    update, number_of_version = to_required(update_id, "update"), to_required(version, "version")
    decide = actions.skip_step if visit.text("what") == "skip" else actions.retry_step

    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return decide(visit.tx, visit.actor, page, number, update, number_of_version, visit.now)

    return await _changed(visit, slug, copy_id, change, "Changes saved.")


@router.post(f"{COPY}/postmortems/{{public_id}}", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def send_postmortem(visit: CurrentVisit, slug: str, copy_id: str, public_id: str) -> Response:
    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return actions.send_postmortem(visit.tx, visit.actor, page, number, public_id, visit.now)

    return await _changed(visit, slug, copy_id, change, "The post-mortem is being sent.")


@router.post(f"{COPY}/differences/{{difference_id}}", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE))
async def decide_difference(visit: CurrentVisit, slug: str, copy_id: str, difference_id: str) -> Response:
    difference = to_required(difference_id, "difference")
    decide = actions.ignore if visit.text("what") == "ignore" else actions.overwrite

    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return decide(visit.tx, visit.actor, page, number, difference, visit.now)

    return await _changed(visit, slug, copy_id, change, "Changes saved.")


@router.post(
    f"{COPY}/differences/{{difference_id}}/adopt", dependencies=route_access.needs(Verb.STATUS_COPY_WRITE)
)
async def adopt(visit: CurrentVisit, slug: str, copy_id: str, difference_id: str) -> Response:
    difference = to_required(difference_id, "difference")

    def change(page: StatusPage, number: int) -> Awaitable[object]:
        return actions.adopt(visit.tx, visit.actor, page, number, difference, visit.now)

    return await _changed(visit, slug, copy_id, change, "Published on your status page.")
