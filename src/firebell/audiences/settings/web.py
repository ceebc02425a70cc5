"""The settings of audiences: who is kept informed, when, and with which templates."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Response

from firebell.audiences import customer_store, store, webhooks
from firebell.audiences.model import (
    AFFECTED_CUSTOMERS,
    MOMENT_LABELS,
    NEVER,
    OCCASION_LABELS,
    AudienceDefinition,
    AudienceKind,
    Cadence,
    Moment,
    Occasion,
)
from firebell.audiences.posts import recipients
from firebell.audiences.settings import actions as settings_actions
from firebell.audiences.settings import queries as settings_queries
from firebell.audiences.settings.document import (
    ADDRESS,
    LEAST_MINUTES,
    MOST_MINUTES,
    ROLE,
    WEBHOOK,
    addresses_of,
)
from firebell.incidents.model import ROLE_NAMES
from firebell.kit.errors import FirebellError
from firebell.kit.standard_webhooks import secret_text
from firebell.kit.text import slugify, to_number
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.response.model import GROUP_NAMES

router = routing.html_router()

HOME = "/settings/audiences"
SHOWN_VERSIONS = 10
NEW_TEMPLATES = {
    AudienceKind.INTERNAL: dict.fromkeys(Moment, "executive-brief"),
    AudienceKind.EXTERNAL: {
        Moment.FIRST: "email-acknowledge",
        Moment.UPDATE: "email-update",
        Moment.END: "email-resolved",
    },
}
"""The templates that a new audience begins with."""


async def _home(visit: Visit, values: Mapping[str, str], error: FirebellError | None = None) -> Response:
    in_force, applied = await settings_queries.in_force(visit.tx)
    context = {
        "nav": "settings",
        "tab": "response",
        "settings": in_force,
        "applied": applied,
        "versions": await store.versions(visit.tx, SHOWN_VERSIONS),
        "names": await recipients.member_names(visit.tx, in_force.audiences),
        "kinds": [(AudienceKind.INTERNAL, "Colleagues"), (AudienceKind.EXTERNAL, "Customers")],
        "values": values,
        "error": error,
        "wide": True,
    }
    return await html.render(visit.request, "audiences/settings.html", context)


@router.get(HOME, dependencies=route_access.needs(Verb.AUDIENCE_READ))
async def home(visit: CurrentVisit) -> Response:
    return await _home(visit, {})


@router.post(HOME, dependencies=route_access.needs(Verb.AUDIENCE_WRITE))
async def create(visit: CurrentVisit) -> Response:
    kind = AudienceKind.EXTERNAL if visit.text("kind") == AudienceKind.EXTERNAL else AudienceKind.INTERNAL
    audience = AudienceDefinition(
        slug=slugify(visit.text("name")),
        name=visit.text("name"),
        kind=kind,
        members=(),
        cadence=(NEVER, NEVER, NEVER, NEVER),
        occasions=frozenset(),
        has_end=True,
        templates=NEW_TEMPLATES[kind],
    )
    try:
        async with visit.tx.savepoint():
            saved = await settings_actions.save_audience(
                visit.tx, visit.actor, audience, visit.now, must_be_new=True
            )
    except FirebellError as error:
        return await _home(visit, visit.values, error)
    return flash.redirect(visit.request, f"{HOME}/{saved.slug}", "Audience added. Choose its members.")


async def _member_options(visit: Visit, audience: AudienceDefinition) -> list[tuple[str, str]]:
    if audience.is_external:
        own = [(f"customer:{each.id}", each.name) for each in await customer_store.customers(visit.tx)]
        return [(AFFECTED_CUSTOMERS, "Customers of affected services"), *own]
    groups = [(f"group:{group}", name) for group, name in GROUP_NAMES.items()]
    teams = [(f"team:{team.id}", f"Team {team.name}") for team in await people.teams(visit.tx)]
    chosen = [int(each.partition(":")[2]) for each in audience.members if each.startswith("person:")]
    choice = await choosable(visit.tx, chosen, visit.request.query_params.get("with", ""), chosen=chosen)
    roles = [(f"{ROLE}:{role}", f"The {name.lower()} of the incident") for role, name in ROLE_NAMES.items()]
    return [*groups, *roles, *teams, *((f"person:{person_id}", label) for person_id, label in choice.options)]


async def _edit(visit: Visit, audience: AudienceDefinition, error: FirebellError | None = None) -> Response:
    context: dict[str, Any] = {
        "nav": "settings",
        "tab": "response",
        "audience": audience,
        "options": await _member_options(visit, audience),
        "addresses": "\n".join(addresses_of(audience)),
        "webhooks": addresses_of(audience, WEBHOOK),
        "secret_of": lambda url: secret_text(webhooks.secret_of(visit.ctx.signer, url)),
        "occasions": OCCASION_LABELS,
        "moments": MOMENT_LABELS,
        "templates": list((await settings_actions.message_templates(visit.tx)).items()),
        "values": visit.values if error else {},
        "error": error,
    }
    return await html.render(visit.request, "audiences/audience.html", context)


@router.get("/settings/audiences/{slug}", dependencies=route_access.needs(Verb.AUDIENCE_WRITE))
async def edit(visit: CurrentVisit, slug: str) -> Response:
    return await _edit(visit, await settings_actions.audience(visit.tx, slug))


def _minutes(visit: Visit, name: str) -> int | None:
    text = visit.text(name).strip()
    return to_number(text, name, least=LEAST_MINUTES, most=MOST_MINUTES, unit="minutes") if text else None


def _chosen(visit: Visit, name: str) -> Sequence[str]:
    return [value for value in visit.form.getlist(name) if isinstance(value, str)]


@router.post("/settings/audiences/{slug}", dependencies=route_access.needs(Verb.AUDIENCE_WRITE))
async def save(visit: CurrentVisit, slug: str) -> Response:
    old = await settings_actions.audience(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            sev0, sev1, sev2, sev3 = (
                Cadence(_minutes(visit, f"first-{n}"), _minutes(visit, f"every-{n}")) for n in range(4)
            )
            new = AudienceDefinition(
                slug=slug,
                name=visit.text("name"),
                kind=old.kind,
                members=(
                    *_chosen(visit, "members"),
                    *(
                        f"{ADDRESS}:{line.strip()}"
                        for line in visit.text("addresses").splitlines()
                        if line.strip()
                    ),
                    *(f"{WEBHOOK}:{line}" for line in visit.text("webhooks").split()),
                ),
                cadence=(sev0, sev1, sev2, sev3),
                occasions=frozenset(each for each in Occasion if each in _chosen(visit, "occasions")),
                has_end=bool(visit.text("has_end")),
                templates={
                    moment: visit.text(f"template-{moment}") or old.templates[moment] for moment in Moment
                },
            )
            saved = await settings_actions.save_audience(visit.tx, visit.actor, new, visit.now)
    except FirebellError as error:
        return await _edit(visit, old, error)
    return flash.redirect(visit.request, HOME, f"{saved.name} saved.")


@router.post("/settings/audiences/{slug}/remove", dependencies=route_access.needs(Verb.AUDIENCE_WRITE))
async def remove(visit: CurrentVisit, slug: str) -> Response:
    removed = await settings_actions.audience(visit.tx, slug)
    await settings_actions.remove_audience(visit.tx, visit.actor, slug, visit.now)
    return flash.redirect(visit.request, HOME, f"{removed.name} removed.")
