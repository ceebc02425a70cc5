"""The Atom and RSS feeds of a status page: one entry for each incident (pure; spec 7.8)."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from urllib.parse import urlsplit

from firebell.status_pages.model import STAGE_LABELS, PublicIncident
from firebell.status_pages.view import StatusView

MAX_ENTRIES = 50
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def _text(value: str) -> str:
    return escape(_UNSHOWABLE.sub("", value))


def _attribute(value: str) -> str:
    return f'"{_text(value)}"'


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _updated_at(incident: PublicIncident) -> datetime:
    return max(update.edited_at or update.created_at for update in incident.updates)


def _content(incident: PublicIncident) -> str:
    """Return the updates as HTML, newest first."""
    return "".join(
        f"<p><small>{_instant(update.display_at)}</small><br>"
        f"<strong>{STAGE_LABELS[update.stage]}</strong>: {_text(update.body)}</p>"
        for update in reversed(incident.updates)
    )


def atom(view: StatusView, url: str) -> str:
    """Return the Atom feed; the id of an entry never changes."""
    page, host = view.snapshot.page, urlsplit(url).hostname or "localhost"
    entries = "".join(
        f"<entry><id>tag:{host},{incident.published_at.year}:{incident.public_id}</id>"
        f"<title>{_text(incident.name)}</title>"
        f"<published>{_instant(incident.published_at)}</published>"
        f"<updated>{_instant(_updated_at(incident))}</updated>"
        f'<link rel="alternate" type="text/html" href={_attribute(f"{url}/incidents/{incident.public_id}")}/>'
        f'<content type="html">{escape(_content(incident))}</content></entry>'
        for incident in view.snapshot.incidents[:MAX_ENTRIES]
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom"><id>tag:{host},{page.created_at.year}:/{page.slug}</id>'
        f"<title>{_text(page.name)} status</title><updated>{_instant(page.updated_at)}</updated>"
        f"<author><name>{_text(page.name)}</name></author>"
        f'<link rel="alternate" type="text/html" href={_attribute(url)}/>'
        f'<link rel="self" type="application/atom+xml" href={_attribute(f"{url}/history.atom")}/>'
        f"{entries}</feed>\n"
    )


def rss(view: StatusView, url: str) -> str:
    """Return the RSS 2.0 feed."""
    page = view.snapshot.page
    items = "".join(
        f"<item><title>{_text(incident.name)}</title>"
        f"<link>{_text(f'{url}/incidents/{incident.public_id}')}</link>"
        f'<guid isPermaLink="false">{incident.public_id}</guid>'
        f"<pubDate>{format_datetime(_updated_at(incident))}</pubDate>"
        f"<description>{escape(_content(incident))}</description></item>"
        for incident in view.snapshot.incidents[:MAX_ENTRIES]
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>{_text(page.name)} status</title>'
        f"<link>{_text(url)}</link><description>{_text(page.name)}: incidents and their updates</description>"
        f'<atom:link rel="self" type="application/rss+xml" href={_attribute(f"{url}/history.rss")}/>'
        f"<lastBuildDate>{format_datetime(page.updated_at)}</lastBuildDate>{items}</channel></rss>\n"
    )
