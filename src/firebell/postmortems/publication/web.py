"""The screen on which a document is reviewed and published, and the settings for it."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Response

from firebell.kit.errors import FirebellError
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.postmortems import actions
from firebell.postmortems.external import leak_settings
from firebell.postmortems.model import Postmortem
from firebell.postmortems.publication import distribution_settings, mail_store, queries, store
from firebell.postmortems.publication.distribution import (
    LISTS_MAX,
    SEVERITIES,
    DistributionList,
    DistributionSettings,
    slug_of,
)
from firebell.postmortems.review import queries as review_queries

router = routing.html_router()

NEW_LISTS = 2
"""Blank rows for new lists in the settings."""


@router.get("/post-mortems/{ref}/publication", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def show(visit: CurrentVisit, ref: str) -> Response:
    return await _page(visit, ref)


async def _page(visit: Visit, ref: str, error: FirebellError | None = None) -> Response:
    desk = await queries.desk(visit.tx, parse_ref("INC", ref))
    postmortem = desk.postmortem
    review = await review_queries.desk(visit.tx, postmortem)
    chosen = set(desk.distribution.members)
    withdrawer = await people.person(visit.tx, postmortem.withdrawal_by) if postmortem.withdrawal_by else None
    context = {
        "nav": "postmortems",
        "live": f"pm-{postmortem.id},inc-{postmortem.incident_id}",
        "d": postmortem,
        "i": desk.incident,
        "desk": desk,
        "review": review,
        "approval": review.approval(postmortem.approved_version),
        "wrote": review.parties.wrote(visit.person.id),
        "lists": [(f"list:{each.slug}", each.name) for each in desk.settings.lists],
        "chosen": chosen,
        "others": "\n".join(
            m.removeprefix("email:") for m in desk.distribution.members if not m.startswith("list:")
        ),
        "withdrawer": withdrawer,
        "places": await store.public_places(visit.tx, postmortem.incident_id),
        "mail": await mail_store.states(visit.tx, postmortem.id, postmortem.published_version)
        if postmortem.published_version
        else {},
        "values": visit.values if error else {},
        "error": error,
    }
    return await html.render(visit.request, "postmortems/publication.html", context)


async def _answered(visit: Visit, ref: str, run: Callable[[int], Awaitable[Any]], text: str) -> Response:
    """Run an action and go back to the screen; show it again with what was refused."""
    incident_id = parse_ref("INC", ref)
    try:
        async with visit.tx.savepoint():
            await run(incident_id)
    except FirebellError as error:
        return await _page(visit, ref, error)
    return flash.redirect(visit.request, f"/post-mortems/INC-{incident_id}/publication", text)


@router.post("/post-mortems/{ref}/review", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def ask_for_review(visit: CurrentVisit, ref: str) -> Response:
    async def run(incident_id: int) -> None:
        ids = [to_number(value, "reviewers") for value in visit.form.getlist("reviewer") if value]
        await actions.ask_for_review(visit.tx, visit.actor, incident_id, ids, visit.now)

    return await _answered(visit, ref, run, "Review requested.")


@router.post("/post-mortems/{ref}/approve", dependencies=route_access.needs(Verb.POSTMORTEM_PUBLISH))
async def approve(visit: CurrentVisit, ref: str) -> Response:
    async def run(incident_id: int) -> Postmortem:
        return await actions.approve(
            visit.tx,
            visit.actor,
            incident_id,
            to_number(visit.text("version"), "version"),
            visit.now,
            note=visit.text("note"),
            override_reason=visit.text("override_reason"),
        )

    return await _answered(visit, ref, run, "Post-mortem approved.")


@router.post("/post-mortems/{ref}/wanted-changes", dependencies=route_access.needs(Verb.POSTMORTEM_PUBLISH))
async def want_changes(visit: CurrentVisit, ref: str) -> Response:
    async def run(incident_id: int) -> Postmortem:
        version = to_number(visit.text("version"), "version")
        return await actions.want_changes(
            visit.tx, visit.actor, incident_id, version, visit.text("text"), visit.now
        )

    return await _answered(visit, ref, run, "Changes requested.")


@router.post("/post-mortems/{ref}/withdraw", dependencies=route_access.needs(Verb.POSTMORTEM_PUBLISH))
async def withdraw(visit: CurrentVisit, ref: str) -> Response:
    async def run(incident_id: int) -> Postmortem:
        return await actions.withdraw(visit.tx, visit.actor, incident_id, visit.text("reason"), visit.now)

    return await _answered(visit, ref, run, "Withdrawal recorded.")


@router.post("/post-mortems/{ref}/accept", dependencies=route_access.needs(Verb.POSTMORTEM_PUBLISH))
async def accept(visit: CurrentVisit, ref: str) -> Response:
    async def run(incident_id: int) -> None:
        await actions.acknowledge(
            visit.tx, visit.actor, incident_id, visit.text("problem"), visit.text("text"), visit.now
        )

    return await _answered(visit, ref, run, "Problem accepted.")


@router.post("/post-mortems/{ref}/distribution", dependencies=route_access.needs(Verb.POSTMORTEM_PUBLISH))
async def set_distribution(visit: CurrentVisit, ref: str) -> Response:
    async def run(incident_id: int) -> queries.ChosenDistribution:
        members = [value for value in visit.form.getlist("list") if isinstance(value, str)]
        members += visit.text("members").replace(",", "\n").split("\n")
        return await actions.set_distribution(visit.tx, visit.actor, incident_id, members, visit.now)

    return await _answered(visit, ref, run, "Distribution saved.")


@router.get("/settings/post-mortems", dependencies=route_access.needs(Verb.INCIDENT_SETTINGS_WRITE))
async def settings(visit: CurrentVisit) -> Response:
    return await _settings(visit)


async def _settings(visit: Visit, error: FirebellError | None = None) -> Response:
    lists = await distribution_settings.load(visit.tx)
    context = {
        "nav": "settings",
        "tab": "post-mortems",
        "lists": lists,
        "rows": [*lists.lists, *(DistributionList("", "") for _ in range(NEW_LISTS))],
        "teams": await people.teams(visit.tx),
        "leaks": await leak_settings.load(visit.tx),
        "values": visit.values if error else {},
        "error": error,
    }
    return await html.render(visit.request, "postmortems/settings.html", context)


@router.post("/settings/post-mortems", dependencies=route_access.needs(Verb.INCIDENT_SETTINGS_WRITE))
async def save_settings(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            wanted = _submitted(visit)
            await actions.save_distribution_settings(
                visit.tx, visit.actor, wanted.lists, wanted.defaults, visit.now
            )
            await actions.save_leak_settings(
                visit.tx,
                visit.actor,
                visit.text("customers").split("\n"),
                visit.text("domains").split("\n"),
                visit.now,
            )
    except FirebellError as error:
        return await _settings(visit, error)
    return flash.redirect(visit.request, "/settings/post-mortems", "Settings saved.")


def _submitted(visit: Visit) -> DistributionSettings:
    """Return the lists of the form; a list without a name is left out."""
    lists = []
    for number in range(LISTS_MAX + NEW_LISTS):
        if name := visit.text(f"name_{number}").strip():
            slug = visit.text(f"slug_{number}").strip() or slug_of(name)
            members = visit.text(f"members_{number}").replace(",", "\n").split("\n")
            lists.append(DistributionList(slug, name, tuple(members)))
    slugs = {each.slug for each in lists}
    defaults = tuple(
        tuple(slug for slug in visit.form.getlist(f"default_{severity}") if slug in slugs)
        for severity in range(SEVERITIES)
    )
    return DistributionSettings(tuple(lists), defaults)
