"""Get one status page, locked or not; the shape of its slug and public ids, and its live topic."""

import re
import secrets
import string

from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.status_pages import store
from firebell.status_pages.model import StatusPage

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
PUBLIC_ID_LETTERS = string.ascii_lowercase + string.digits


def new_public_id() -> str:
    """Return a new public id: 12 random lower-case letters and digits, the shape of Statuspage's."""
    return "".join(secrets.choice(PUBLIC_ID_LETTERS) for _ in range(12))


def topic(page: StatusPage) -> str:
    """Return the live topic of everything that a status page shows."""
    return f"status-{page.slug}"


async def status_page(tx: Tx, slug: str) -> StatusPage:
    """Return the status page with this slug; raise `NotFound`."""
    page = await store.page_by_slug(tx, slug)
    if page is None:
        raise NotFound(f"There is no status page {slug[:60]!r}.", hint="See all at /status-pages.")
    return page


async def locked_page(tx: Tx, page_id: int) -> StatusPage:
    """Lock a status page and return it; raise `NotFound`."""
    page = await store.lock_page(tx, page_id)
    if page is None:
        raise NotFound("The status page was deleted.")
    return page
