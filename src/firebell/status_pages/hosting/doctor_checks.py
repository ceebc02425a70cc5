"""What `firebell doctor` says about mirrors of status pages."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.durations import duration
from firebell.kit.findings import CheckResult
from firebell.status_pages import store
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.hosting.model import PageMirror
from firebell.status_pages.model import PageVisibility, StatusPage


async def check(tx: Tx, now: datetime) -> list[CheckResult]:
    """Return a result for each mirror of a status page."""
    pages = {page.id: page for page in await store.pages(tx)}
    mirrors = await hosting_store.mirrors(tx, list(pages)) if pages else []
    return [check_mirror(mirror, pages[mirror.status_page_id], now) for mirror in mirrors]


def check_mirror(mirror: PageMirror, page: StatusPage, now: datetime) -> CheckResult:
    """Return whether readers of a mirror see what the page says (pure); paging does not need it."""
    slug, age = page.slug, duration(now - (mirror.pushed_at or mirror.created_at))
    if page.visibility is PageVisibility.PRIVATE:
        text = f"{slug} is private, and its mirror at {mirror.url} is no longer updated. Remove it, and its files."
        return CheckResult("status page mirror", "warn", text)
    if mirror.is_late(now):
        reason = mirror.error or "Check that a worker is running."
        return CheckResult(
            "status page mirror", "warn", f"T-PUSH: {slug} at {mirror.url} is {age} old. {reason}"
        )
    return CheckResult("status page mirror", "ok", f"{slug} at {mirror.url} was updated {age} ago.")
