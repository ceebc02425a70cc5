"""Suggestions for an error page: similar addresses, and the admins who can change a role."""

import contextlib
import re
from dataclasses import dataclass

from fastapi import Request

from firebell import similar_addresses
from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, Forbidden, Unavailable
from firebell.kit.web import html
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people.permissions import ADMINS

MAX_SUGGESTIONS = 3
"""Maximum number of admins named and of links suggested."""
_REFERENCE = re.compile(r"(?i)(pg|inc)-([1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class WayOn:
    """Suggested links as (href, text), and the names of admins."""

    links: list[tuple[str, str]]
    admins: list[str]


async def way_on(request: Request, error: FirebellError) -> WayOn:
    """Return suggestions for a signed-in person; none for others or while the database is unavailable."""
    if getattr(request.state, "me", None) is None:
        return WayOn([], [])
    with contextlib.suppress(Unavailable):
        async with html.ctx(request).db.tx() as tx:
            if isinstance(error, Forbidden):
                admins = [p.name for p in await people.people_with_role(tx, ADMINS)]
                return WayOn([], admins[:MAX_SUGGESTIONS])
            if error.status == 404:
                return WayOn((await _similar(tx, request.url.path))[:MAX_SUGGESTIONS], [])
    return WayOn([], [])


async def _similar(tx: Tx, path: str) -> list[tuple[str, str]]:
    """Return links to existing things with a similar address."""
    section, _, rest = path.strip("/").partition("/")
    name = rest.partition("/")[0]
    if reference := _REFERENCE.search(path):
        return await _references(tx, reference[1].upper(), int(reference[2]))
    if section in similar_addresses.SECTIONS and name:
        names = await _names_by_slug(tx, section)
        return [(f"/{section}/{slug}", names[slug]) for slug in similar_addresses.slugs(name, names)]
    return [(address, address) for address in similar_addresses.sections(path)]


async def _references(tx: Tx, prefix: str, wanted: int) -> list[tuple[str, str]]:
    """Return links to the pages or incidents whose number is one typo away."""
    numbers = similar_addresses.numbers(wanted)
    if prefix == "PG":
        pages = await paging.pages_by_id(tx, numbers)
        return [(f"/pages/{p.ref}", f"{p.ref} {p.title}") for n in numbers if (p := pages.get(n))]
    incidents_by_id = await incidents.incidents_by_id(tx, numbers)
    return [(f"/incidents/{i.ref}", f"{i.ref} {i.title}") for n in numbers if (i := incidents_by_id.get(n))]


async def _names_by_slug(tx: Tx, section: str) -> dict[str, str]:
    """Return the names of a section's entries by slug."""
    match section:
        case "services":
            return {s.slug: s.name for s in await catalog.services(tx)}
        case "escalation":
            return {p.slug: p.name for p in await paging.policies(tx)}
        case "oncall":
            names = await oncall.names_by_id(tx)
            return {slug: names[i] for i, slug in (await oncall.slugs_by_id(tx)).items()}
    return {}
