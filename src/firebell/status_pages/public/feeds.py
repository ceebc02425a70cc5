"""The Atom and RSS feeds of a status page: one entry for each incident and maintenance (pure; spec 7.8)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from urllib.parse import urlsplit

from firebell.kit import public_markdown
from firebell.status_pages.maintenance_windows import texts
from firebell.status_pages.maintenance_windows.model import (
    MAINTENANCE_STAGE_LABELS,
    Maintenance,
    MaintenanceUpdate,
)
from firebell.status_pages.model import (
    POSTMORTEM_LABEL,
    STAGE_LABELS,
    Component,
    PublicIncident,
    PublicUpdate,
    UpdateKind,
)
from firebell.status_pages.view import StatusView

MAX_ENTRIES = 50


def _text(value: str) -> str:
    return escape(public_markdown.UNSHOWABLE.sub("", value))


def _attribute(value: str) -> str:
    return f'"{_text(value)}"'


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


Published = PublicIncident | Maintenance
"""What has an entry in a feed."""
_LABELS: dict[str, str] = {str(k): v for k, v in (*STAGE_LABELS.items(), *MAINTENANCE_STAGE_LABELS.items())}


def _label(update: PublicUpdate | MaintenanceUpdate) -> str:
    return POSTMORTEM_LABEL if update.kind is UpdateKind.POSTMORTEM else _LABELS[update.stage]


def _updated_at(published: Published) -> datetime:
    return max(update.edited_at or update.created_at for update in published.updates)


def _continuation(published: Published, url: str) -> str:
    """Return where an incident goes on, as HTML; an empty text if it does not."""
    if isinstance(published, Maintenance) or published.continued_at is None:
        return ""
    later = published.continued_at
    return f"<p>Continued at <a href={_attribute(f'{url}/incidents/{later.public_id}')}>{_text(later.name)}</a></p>"


def _content(published: Published, tz: str, url: str) -> str:
    """Return the updates as HTML, newest first; of maintenance, first when it is."""
    planned = (
        f"<p>{_text(texts.window_text(published.planned, tz))}</p>"
        if isinstance(published, Maintenance)
        else ""
    )
    updates: Sequence[PublicUpdate | MaintenanceUpdate] = published.updates
    return (
        planned
        + _continuation(published, url)
        + "".join(
            f"<p><small>{_instant(update.display_at)}</small><br>"
            f"<strong>{_label(update)}</strong></p>{public_markdown.to_html(update.body)}"
            for update in reversed(updates)
        )
    )


def _entries(view: StatusView, component: Component | None = None) -> list[Published]:
    """Return what a feed lists, the last published first; of maintenance that repeats, only the next window."""
    published: list[Published] = [*view.snapshot.incidents, *view.listed_maintenances]
    if component is not None:
        published = [each for each in published if component.id in each.component_ids]
    return sorted(published, key=lambda each: (each.published_at, each.id), reverse=True)[:MAX_ENTRIES]


def _link(published: Published, url: str) -> str:
    kind = "maintenance" if isinstance(published, Maintenance) else "incidents"
    return f"{url}/{kind}/{published.public_id}"


def atom(view: StatusView, url: str, component: Component | None = None) -> str:
    """Return the Atom feed, of one component if it is given; the id of an entry never changes."""
    page, host = view.snapshot.page, urlsplit(url).hostname or "localhost"
    entries = "".join(
        f"<entry><id>tag:{host},{published.published_at.year}:{published.public_id}</id>"
        f"<title>{_text(published.name)}</title>"
        f"<published>{_instant(published.published_at)}</published>"
        f"<updated>{_instant(_updated_at(published))}</updated>"
        f'<link rel="alternate" type="text/html" href={_attribute(_link(published, url))}/>'
        f'<content type="html">{escape(_content(published, page.tz, url))}</content></entry>'
        for published in _entries(view, component)
    )
    name, id_, path = page.name, f"/{page.slug}", "/history.atom"
    if component is not None:
        name, id_ = f"{page.name}: {component.name}", f"/{page.slug}/{component.public_id}"
        path = f"/components/{component.public_id}.atom"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom"><id>tag:{host},{page.created_at.year}:{id_}</id>'
        f"<title>{_text(name)} status</title><updated>{_instant(page.updated_at)}</updated>"
        f"<author><name>{_text(page.name)}</name></author>"
        f'<link rel="alternate" type="text/html" href={_attribute(url)}/>'
        f'<link rel="self" type="application/atom+xml" href={_attribute(url + path)}/>'
        f"{entries}</feed>\n"
    )


def rss(view: StatusView, url: str) -> str:
    """Return the RSS 2.0 feed."""
    page = view.snapshot.page
    items = "".join(
        f"<item><title>{_text(published.name)}</title>"
        f"<link>{_text(_link(published, url))}</link>"
        f'<guid isPermaLink="false">{published.public_id}</guid>'
        f"<pubDate>{format_datetime(_updated_at(published))}</pubDate>"
        f"<description>{escape(_content(published, page.tz, url))}</description></item>"
        for published in _entries(view)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>{_text(page.name)} status</title>'
        f"<link>{_text(url)}</link><description>{_text(page.name)}: incidents and their updates</description>"
        f'<atom:link rel="self" type="application/rss+xml" href={_attribute(f"{url}/history.rss")}/>'
        f"<lastBuildDate>{format_datetime(page.updated_at)}</lastBuildDate>{items}</channel></rss>\n"
    )
