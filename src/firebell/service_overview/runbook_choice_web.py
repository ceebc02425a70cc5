"""The field of a service for its runbook: one of the library, or an address."""

from collections.abc import Callable, Mapping
from functools import partial

from firebell.people.permissions import Verb, allows
from firebell.people.unit_of_work import Visit
from firebell.runbooks import queries as runbooks

FormFields = Mapping[str, tuple[str, Callable[[str], object]]]
"""What an action calls each field of a form, and how its text is read."""


async def titles(visit: Visit) -> dict[str, str]:
    """Return the titles of the runbooks to choose from, by slug.

    There are none for people who may edit no service or read no runbook.
    """
    needed = (Verb.SERVICE_WRITE, Verb.RUNBOOK_READ)
    may_choose = all(allows(visit.rights, verb) for verb in needed)
    return await runbooks.titles(visit.tx) if may_choose else {}


async def field(visit: Visit) -> FormFields:
    """Return the field as forms of services have it."""
    return {"runbook_url": ("runbook_url", partial(to_url, await titles(visit), visit.ctx.public_url))}


def to_url(titles_by_slug: Mapping[str, str], public_url: str, entered: str) -> str:
    """Return the address of a runbook from its slug or title; an address, and what names no runbook, stay as they are.

    The action refuses the latter, together with the other fields.
    """
    text = entered.strip()
    matching = [slug for slug, title in titles_by_slug.items() if title.casefold() == text.casefold()]
    slug = text.lower() if text.lower() in titles_by_slug else matching[0] if len(matching) == 1 else None
    return runbooks.address(public_url, slug) if slug else text


def explain(fields: dict[str, str], entered: str) -> None:
    """Say at the field how to choose a runbook, if what was entered is neither one nor an address."""
    if "runbook_url" in fields and "://" not in entered:
        fields["runbook_url"] = (
            "Choose a runbook from the list, or enter an address that begins with https://."
        )


def shown(url: str, public_url: str) -> str:
    """Return what the field shows of an address: the slug of a runbook of the library, or the whole address."""
    slug = runbooks.slug_at(public_url, url)
    return slug if slug and url == runbooks.address(public_url, slug) else url
