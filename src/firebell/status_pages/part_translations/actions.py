"""Actions on the names and descriptions of groups and components in other languages of their status page."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.text import clean_name, clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages import store
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.hosting.footer_links import LABEL_MAX_CHARS
from firebell.status_pages.lookup import locked_page, topic
from firebell.status_pages.model import PageTexts, PartTranslation, StatusPage
from firebell.status_pages.part_translations import rules as part_translations
from firebell.status_pages.part_translations.rules import Part
from firebell.status_pages.text_limits import ABOUT_MAX_CHARS, DESCRIPTION_MAX_CHARS

Texts = Mapping[str, str]
"""The `name` and the `description` of a group or component, or one of them."""


@permits(Verb.STATUS_PAGE_WRITE)
async def translate_parts(
    tx: Tx,
    actor: Actor,
    page_id: int,
    locale: str,
    groups: Mapping[int, Texts],
    components: Mapping[int, Texts],
    now: datetime,
) -> int:
    """Set names and descriptions in another language of the page; an empty text is removed. Idempotent.

    What is left out keeps its text. Return how many groups and components changed.
    """
    page = await locked_page(tx, page_id)
    await check_language(tx, page, locale)
    known_groups = {group.id: group for group in await store.groups(tx, page_id)}
    known_components = {component.id: component for component in await store.components(tx, page_id)}
    changed_groups = _changed("group", known_groups, groups, locale)
    changed_components = _changed("component", known_components, components, locale)
    number = len(changed_groups) + len(changed_components)
    if number:
        await store.save_translations(tx, changed_groups, changed_components)
        await tx.audit(actor, "status_page.names_translated", page.name, now, language=locale, changed=number)
        await tx.live(topic(page))
    return number


@permits(Verb.STATUS_PAGE_WRITE)
async def translate_page(
    tx: Tx,
    actor: Actor,
    page_id: int,
    locale: str,
    now: datetime,
    *,
    about: str | None = None,
    links: Mapping[str, str] | None = None,
) -> bool:
    """Set the about text and the labels of footer links in another language; an empty text is removed. Idempotent.

    `links` are by the label in the language of the page; what is left out keeps its text. Return True if anything
    changed.
    """
    page = await locked_page(tx, page_id)
    await check_language(tx, page, locale)
    old = page.texts_in(locale)
    labels = await hosting_queries.link_labels(tx, page)
    if unknown := set(links or {}) - set(labels):
        raise NotFound(f"This status page has no footer link {min(unknown)[:60]!r}.")
    wanted = {**old.links, **{label: _label(label, text) for label, text in (links or {}).items()}}
    new = PageTexts(
        old.about if about is None else clean_text(about, ABOUT_MAX_CHARS, "about"),
        {label: text for label, text in wanted.items() if text and label in labels},
    )
    if new == old:
        return False
    kept = {code: texts for code, texts in page.translations.items() if code != locale}
    await store.save_page_texts(tx, page.id, kept if new == PageTexts() else {**kept, locale: new})
    await tx.audit(actor, "status_page.texts_translated", page.name, now, language=locale)
    await tx.live(topic(page))
    return True


def _label(label: str, text: str) -> str:
    if not text.strip():
        return ""
    try:
        return clean_name(text, "label", limit=LABEL_MAX_CHARS)
    except Invalid as error:
        raise Invalid(
            f"The translation of {label!r} can’t be used.",
            fields={f"link-{label}": f"A label has at most {LABEL_MAX_CHARS} characters."},
        ) from error


async def check_language(tx: Tx, page: StatusPage, locale: str) -> None:
    """Raise `NotFound` unless this is a language of the page beside its own."""
    if locale not in dict(await hosting_queries.other_languages(tx, page)):
        raise NotFound(
            f"{page.name} has no other language {locale[:20]!r}.",
            hint="Add it under Access and appearance first.",
        )


def _changed(
    kind: str, known: Mapping[int, Part], wanted: Mapping[int, Texts], locale: str
) -> dict[int, dict[str, PartTranslation]]:
    """Return the translations of the parts that change, by id; raise `NotFound`, or `Invalid` at the field."""
    if missing := set(wanted) - set(known):
        raise NotFound(f"This status page has no {kind} {min(missing)}.")
    changed = {}
    for part_id, texts in wanted.items():
        part = known[part_id]
        new = replace(part.translation(locale), **_clean(kind, part_id, texts))
        merged = part_translations.merged(part.translations, locale, new)
        if merged != part.translations:
            changed[part_id] = merged
    return changed


def _clean(kind: str, part_id: int, texts: Texts) -> dict[str, str]:
    checks: dict[str, Callable[[str], str]] = {
        "name": lambda text: clean_name(text, "name") if text.strip() else "",
        "description": lambda text: clean_text(text, DESCRIPTION_MAX_CHARS, "description"),
    }
    try:
        return {field: checks[field](text) for field, text in texts.items()}
    except Invalid as error:
        fields = {f"{kind}-{part_id}-{field}": text for field, text in error.fields.items()}
        raise Invalid(error.message, fields=fields) from error
