"""Topics of live updates about pages, and how a change is published to open browsers."""

from collections.abc import Sequence

from firebell.kit.db.database import Tx

_MAX_PAGE_TOPICS, _MANY_PAGES = 20, "pages-many"
"""When more pages than this change at once, one topic stands for all of them."""


def _topics(page_ids: Sequence[int]) -> list[str]:
    return [f"pg-{page_id}" for page_id in page_ids]


def live_topics(page_ids: Sequence[int]) -> list[str]:
    """Return the topics to follow for these pages: a change of any of them is published to at least one."""
    return [*_topics(page_ids), _MANY_PAGES] if page_ids else []


async def publish(tx: Tx, page_ids: Sequence[int]) -> None:
    """Refresh the list of pages and every screen that shows these pages in open browsers."""
    await tx.live("pages")
    for topic in _topics(page_ids) if len(page_ids) <= _MAX_PAGE_TOPICS else [_MANY_PAGES]:
        await tx.live(topic)
