"""The status pages of the incident's services."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from firebell.comms import publication_queries
from firebell.comms.publication_queries import IncidentPublication
from firebell.comms.target import RECALL_WITHIN, Destination, PostTarget, Reference, Sending
from firebell.comms.tone.model import ReaderKind
from firebell.incidents.model import Incident, Phase
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import plural
from firebell.people import action_permissions
from firebell.people.action_permissions import internal
from firebell.people.permissions import Verb
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import STAGE_LABELS, ComponentStatus, Stage
from firebell.status_pages.publishing import actions as publishing
from firebell.status_pages.publishing.actions import NewUpdate

KIND = "status_page"
RECALL_REASON = "Published by mistake"
MAX_SUGGESTED_SEVERITY = 1
"""The least severe incident that is suggested for a status page that does not show it yet."""


def key_of(slug: str) -> str:
    """Return the key of a status page as a destination."""
    return f"{KIND}:{slug}"


async def lock_pages(tx: Tx, keys: Collection[str]) -> None:
    """Lock the status pages among these destinations, in the same order for every post."""
    for page_id in await _page_ids(tx, keys):
        await status_pages.locked_page(tx, page_id)


async def lock_free_pages(tx: Tx, keys: Collection[str]) -> bool:
    """Lock the status pages among these destinations; return False if another transaction has locked one.

    For timers: they are locked before the pages, while an action locks the pages before its timers.
    """
    page_ids = await _page_ids(tx, keys)
    return len(await status_pages.lock_free_pages(tx, page_ids)) == len(page_ids)


async def _page_ids(tx: Tx, keys: Collection[str]) -> list[int]:
    return sorted(page.id for page in await status_pages.pages(tx) if key_of(page.slug) in keys)


def destination(publication: IncidentPublication, incident: Incident) -> Destination:
    """Return a status page as a destination of posts about an incident."""
    published = publication.published
    is_over = published is not None and not published.is_open
    is_merged = incident.phase is Phase.MERGED
    refusal = "It’s resolved there. Mark a regression on the status page first." if is_over else ""
    note = "Nothing published yet"
    if published is None and publication.earlier:
        note = "Resolved there; a new incident continues it"
    elif published is not None:
        note = f"{STAGE_LABELS[published.stage]}, {plural(len(published.updates), 'update')}"
    return Destination(
        key_of(publication.page.slug),
        publication.page.name,
        note,
        ReaderKind.PUBLIC,
        is_suggested=incident.phase is not Phase.DISMISSED
        and not is_over
        and not is_merged
        and (
            published is not None
            or (bool(publication.suggested_ids) and incident.severity <= MAX_SUGGESTED_SEVERITY)
        ),
        is_first=published is None,
        refusal="It was merged. Publish its updates there." if is_merged else refusal,
    )


async def _destinations(tx: Tx, incident: Incident, now: datetime) -> Sequence[Destination]:
    listed = await publication_queries.publications(tx, incident, now)
    return [destination(each, incident) for each in listed]


async def _publication(tx: Tx, incident: Incident, slug: str, now: datetime) -> IncidentPublication:
    for each in await publication_queries.publications(tx, incident, now):
        if each.page.slug == slug:
            return each
    raise NotFound(f"Nothing about {incident.ref} can be published on {slug[:60]!r}.")


@internal("Part of publishing a post.")
async def _send(tx: Tx, actor: Actor, sending: Sending, now: datetime) -> Reference:
    """Publish the first or the next update."""
    await action_permissions.require(tx, actor, Verb.STATUS_PAGE_PUBLISH)
    content, incident = sending.content, sending.incident
    publication = await _publication(tx, incident, sending.destination.partition(":")[2], now)
    page, published = publication.page, publication.published
    if incident.phase is Phase.MERGED:
        raise Conflict(f"{incident.ref} was merged.", hint=f"Publish its updates on {page.name}.")
    if content.stage not in list(Stage):
        raise Invalid("The stage is missing.", fields={"stage": "Choose from the list."})
    own = {component.id for component in (await status_pages.components_by_page(tx)).get(page.id, ())}
    update = NewUpdate(
        Stage(content.stage),
        sending.body,
        {i: ComponentStatus.of(code) for i, code in content.statuses.items() if i in own},
        next_update_at=content.next_update_at,
        eta_at=content.eta_at,
        translations=await _translations(tx, publication, sending),
        hold=RECALL_WITHIN,
        is_quiet=content.is_quiet,
    )
    if published is None:
        name = content.headline or incident.title
        opened = await publishing.open_incident(
            tx, actor, page.id, name, update, now, incident_id=incident.id
        )
    else:
        opened = await publishing.publish_update(tx, actor, page.id, published.public_id, update, now)
    return {"status_page": page.slug, "public_id": opened.public_id, "update": opened.updates[-1].seq}


async def _translations(tx: Tx, publication: IncidentPublication, sending: Sending) -> Mapping[str, str]:
    """Return the translations into languages of a page; none of a text that lost sentences without an approval."""
    if sending.body != sending.content.body(ReaderKind.PUBLIC):
        return {}
    locales = (await publication_queries.languages(tx, [publication])).others
    return {locale: text for locale, text in sending.content.translations.items() if locale in locales}


@internal("Part of recalling a post.")
async def _recall(tx: Tx, actor: Actor, incident: Incident, reference: Reference, now: datetime) -> None:
    """Replace the text of the update; its stage and what it says of components stay until the next update."""
    page = await status_pages.status_page(tx, reference["status_page"])
    at = f"{now.astimezone(ZoneInfo(page.tz)):%H:%M %Z}"
    await publishing.recall_update(
        tx,
        actor,
        page.id,
        reference["public_id"],
        reference["update"],
        f"Removed at {at}: published by mistake.",
        RECALL_REASON,
        now,
    )


TARGET = PostTarget(KIND, True, _destinations, _send, _recall)
