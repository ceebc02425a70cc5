"""The live topics of pages."""

from collections.abc import Sequence

from firebell.kit.db.database import Tx

_MAX_PAGE_TOPICS, _MANY_PAGES = 20, "pages-many"
"""When more pages than this change at once, one topic stands for all of them."""


def _topics(page_ids: Sequence[int]) -> list[str]:
    return [f"pg-{page_id}" for page_id in page_ids]


def live_topics(page_ids: Sequence[int]) -> list[str]:
    """Return the topics of which one is published when one of these pages changes."""
    return [*_topics(page_ids), _MANY_PAGES] if page_ids else []


async def publish(tx: Tx, page_ids: Sequence[int]) -> None:
    """Refresh open browsers: the list of pages, and what shows these pages."""
    await tx.live("pages")
    for topic in _topics(page_ids) if len(page_ids) <= _MAX_PAGE_TOPICS else [_MANY_PAGES]:
        await tx.live(topic)
