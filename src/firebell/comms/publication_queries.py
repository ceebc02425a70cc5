"""What the status pages say about an incident, as the composer needs it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.incidents.model import ACTIVE, Incident
from firebell.kit.db.database import Tx
from firebell.kit.language_catalogs import DEFAULT
from firebell.status_pages import queries as status_pages
from firebell.status_pages import stages
from firebell.status_pages.hosting import queries as hosting
from firebell.status_pages.model import ComponentStatus, PublicIncident, Stage
from firebell.status_pages.queries import Publication

IncidentPublication = Publication


async def publications(tx: Tx, incident: Incident, now: datetime) -> list[Publication]:
    """Return the status pages that an incident concerns, or the first one if it concerns none.

    Where an active incident has been over for so long that it cannot be reopened, nothing is published yet.
    """
    listed = await status_pages.publications(tx, incident)
    concerned = [each for each in listed if each.published or each.suggested_ids] or listed[:1]
    return [_started_again(each, now) if incident.phase in ACTIVE else each for each in concerned]


def _started_again(publication: Publication, now: datetime) -> Publication:
    over = publication.published
    if over is None or not stages.can_publish_another(over, now):
        return publication
    return replace(publication, published=None, earlier=(*publication.earlier, over))


@dataclass(frozen=True, slots=True)
class PageLanguages:
    """The languages of status pages: the one in which a text for them is written, and the others, in their order."""

    own: str
    others: tuple[str, ...]


async def languages(tx: Tx, listed: Sequence[Publication]) -> PageLanguages:
    """Return the languages of these status pages; the first one has the language of the text."""
    by_page = [await hosting.locales(tx, each.page) for each in listed]
    own = by_page[0][0] if by_page else DEFAULT
    return PageLanguages(own, tuple(dict.fromkeys(code for codes in by_page for code in codes[1:])))


async def suggested_stage(tx: Tx, incident: Incident) -> Stage | None:
    """Return the stage that an incident suggests, None if nothing should be published."""
    return await status_pages.suggested_stage(tx, incident)


def status_now(published: PublicIncident, component_id: int, now: datetime) -> ComponentStatus:
    """Return the status that a public incident gives a component now."""
    return status_pages.status_of([published], component_id, now)


@dataclass(frozen=True, slots=True)
class PublicState:
    """What is published about an incident on any status page: the latest stage, and how many updates."""

    stage: Stage | None
    updates: int
    latest: PublicIncident | None


def public_state(listed: Sequence[Publication]) -> PublicState:
    """Return what is published about an incident; the latest update counts."""
    published = [each.published for each in listed if each.published]
    latest = max(published, key=lambda each: each.updates[-1].display_at, default=None)
    every = [*published, *(one for each in listed for one in each.earlier)]
    return PublicState(latest.stage if latest else None, sum(len(each.updates) for each in every), latest)
