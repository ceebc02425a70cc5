"""Read models of how status pages are served."""

from datetime import datetime
from urllib.parse import urlsplit

from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.status_pages import queries, store, view
from firebell.status_pages.archive import Archive
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.hosting.model import SavedPage
from firebell.status_pages.model import PageVisibility, StatusPage
from firebell.status_pages.public import languages
from firebell.status_pages.public import rendered_documents as public_page
from firebell.status_pages.signing import store as signing_store
from firebell.status_pages.snapshot import Snapshot


async def saved_page(tx: Tx, slug: str, public_url: str, now: datetime) -> SavedPage | None:
    """Return everything that serves a page but its log and archive, None if it does not exist."""
    page = await store.page_by_slug(tx, slug)
    return None if page is None else await saved(tx, page, public_url, now, with_log=False)


async def saved(
    tx: Tx, page: StatusPage, public_url: str, now: datetime, *, with_log: bool = True
) -> SavedPage:
    """Return everything that serves this page; log and archive can be left out, because they only grow."""
    claim = await hosting_store.host_claim(tx, page.id)
    host = claim.host if claim and claim.proven_at else ""
    return SavedPage(
        snapshot=await queries.snapshot(tx, page, now),
        as_of=now,
        url=page_url(page, host, public_url),
        host=host,
        subscribe_url=""
        if page.visibility is PageVisibility.PRIVATE
        else f"{page_url(page, host, public_url)}/subscribe",
        access=await hosting_store.access(tx, page.id),
        theme=await hosting_store.theme(tx, page.id),
        log=await queries.log_lines(tx, page.id) if with_log else "",
        archive=await queries.archive(tx, page, now) if with_log else Archive(),
        keys=tuple(key.published for key in await signing_store.keys(tx, page.id)),
    )


def page_url(page: StatusPage, host: str, public_url: str) -> str:
    """Return the whole address of a page: on its own host, if it has one."""
    return f"{urlsplit(public_url).scheme}://{host}" if host else f"{public_url}/s/{page.slug}"


async def locales(tx: Tx, page: StatusPage) -> list[str]:
    """Return the languages of a page by code, its own first."""
    return public_page.locales_of(await hosting_store.theme(tx, page.id))


async def link_labels(tx: Tx, page: StatusPage) -> list[str]:
    """Return the labels of the footer links of a page, in their order."""
    return [link.label for link in (await hosting_store.theme(tx, page.id)).footer_links]


async def other_languages(tx: Tx, page: StatusPage) -> list[tuple[str, str]]:
    """Return the languages of a page beside its own, by code and name."""
    listed = await locales(tx, page)
    return [(code, languages.languages()[code].name) for code in listed[1:]]


async def frame_context(
    tx: Tx, page: StatusPage, now: datetime, *, base: str, code: str = "", form: str = ""
) -> dict[str, object]:
    """Return what the frame of a page needs around a form of it.

    `base` is the path of the page, `code` the language, empty for the page's own, and `form` the path of the form in
    each of its languages. Raise `NotFound` for a language that the page does not have.
    """
    theme = await hosting_store.theme(tx, page.id)
    codes = public_page.locales_of(theme)
    if code and code not in codes[1:]:
        raise NotFound(f"{page.name} is not shown in {code!r}.")
    homes = {each: base if each == codes[0] else f"{base}/{each}" for each in codes}
    language = languages.languages()[code or codes[0]]
    frame = public_page.frame_context(view.build(Snapshot(page), now), theme, base, language, code)
    others = [
        public_page.OtherLanguage(each, languages.languages()[each].name, f"{homes[each]}{form}")
        for each in codes
        if form and each != language.code
    ]
    listed = [(each, languages.languages()[each].name) for each in codes]
    return {**frame, "home": homes[language.code], "other_languages": others, "page_languages": listed}
