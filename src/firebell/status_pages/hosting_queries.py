"""Read models of how status pages are served."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from firebell.kit.db.database import Tx
from firebell.status_pages import hosting_store, queries, store
from firebell.status_pages.hosting_model import PageCopy, SavedPage
from firebell.status_pages.model import StatusPage


async def saved_page(tx: Tx, slug: str, public_url: str, now: datetime) -> SavedPage | None:
    """Return everything that serves a page, None if it does not exist."""
    page = await store.page_by_slug(tx, slug)
    return None if page is None else await saved(tx, page, public_url, now)


async def saved(tx: Tx, page: StatusPage, public_url: str, now: datetime) -> SavedPage:
    """Return everything that serves this page."""
    claim = await hosting_store.host_claim(tx, page.id)
    host = claim.host if claim and claim.proven_at else ""
    return SavedPage(
        snapshot=await queries.snapshot(tx, page, now),
        as_of=now,
        url=page_url(page, host, public_url),
        host=host,
        access=await hosting_store.access(tx, page.id),
        theme=await hosting_store.theme(tx, page.id),
        log=await queries.log_lines(tx, page.id),
    )


def page_url(page: StatusPage, host: str, public_url: str) -> str:
    """Return the whole address of a page: on its own host, if it has one."""
    return f"{urlsplit(public_url).scheme}://{host}" if host else f"{public_url}/s/{page.slug}"


async def late_copies(tx: Tx, pages: Sequence[StatusPage], now: datetime) -> list[PageCopy]:
    """Return the copies of these pages that are older than readers may rely on (T-PUSH)."""
    listed = await hosting_store.copies(tx, [page.id for page in pages])
    return [copy for copy in listed if copy.is_late(now)]
