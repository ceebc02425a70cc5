"""What the page of an error offers: what may have been meant, and who can grant what is missing."""

import contextlib
import re
from dataclasses import dataclass

from fastapi import Request

from firebell import guesses
from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.kit import html
from firebell.kit.db import Tx
from firebell.kit.errors import FirebellError, Forbidden, Unavailable
from firebell.oncall import actions as oncall
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people.model import Role

NAMED = 3
"""Number of admins that are named, and of addresses that are offered."""
_REFERENCE = re.compile(r"(?i)(pg|inc)-([1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class WayOn:
    """Links as (address, text), and the names of those who can change a role."""

    links: list[tuple[str, str]]
    admins: list[str]


async def way_on(request: Request, error: FirebellError) -> WayOn:
    """Return the way on from an error for the person who is signed in; nothing for strangers or without a database."""
    if getattr(request.state, "me", None) is None:
        return WayOn([], [])
    with contextlib.suppress(Unavailable):
        async with html.ctx(request).db.tx() as tx:
            if isinstance(error, Forbidden):
                admins = [p.name for p in await people.people(tx) if p.active and p.role == Role.ADMIN]
                return WayOn([], admins[:NAMED])
            if error.status == 404:
                return WayOn((await _meant(tx, request.url.path))[:NAMED], [])
    return WayOn([], [])


async def _meant(tx: Tx, path: str) -> list[tuple[str, str]]:
    """Return what exists and is close to an address that does not."""
    section, _, rest = path.strip("/").partition("/")
    name = rest.partition("/")[0]
    if reference := _REFERENCE.search(path):
        return await _references(tx, reference[1].upper(), int(reference[2]))
    if section in guesses.SECTIONS and name:
        known = await _known(tx, section)
        return [(f"/{section}/{slug}", known[slug]) for slug in guesses.slugs(name, known)]
    return [(address, address) for address in guesses.sections(path)]


async def _references(tx: Tx, prefix: str, wanted: int) -> list[tuple[str, str]]:
    """Return the pages or incidents whose number is a typing slip away."""
    near = guesses.numbers(wanted)
    if prefix == "PG":
        pages = await paging.pages_by_id(tx, near)
        return [(f"/pages/{p.ref}", f"{p.ref} {p.title}") for n in near if (p := pages.get(n))]
    known = await incidents.incidents_by_id(tx, near)
    return [(f"/incidents/{i.ref}", f"{i.ref} {i.title}") for n in near if (i := known.get(n))]


async def _known(tx: Tx, section: str) -> dict[str, str]:
    """Return the names by slug of what a section has."""
    match section:
        case "services":
            return {s.slug: s.name for s in await catalog.services(tx)}
        case "escalation":
            return {p.slug: p.name for p in await paging.policies(tx)}
        case "oncall":
            names = await oncall.names_by_id(tx)
            return {slug: names[i] for i, slug in (await oncall.slugs_by_id(tx)).items()}
    return {}
