"""The names and descriptions of groups and components in the languages of their page (pure; spec 7.9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firebell.status_pages.model import Component, ComponentGroup, PagePart, PartTranslation, StatusPage

Part = Component | ComponentGroup
"""A part of a page that has a name and a description."""


def named_parts(parts: Sequence[PagePart]) -> dict[str, list[str]]:
    """Return the names of parts by language, for the languages in which at least one name is translated."""
    codes = sorted({code for part in parts for code, texts in part.translations.items() if texts.name})
    return {code: [part.name_in(code) for part in parts] for code in codes}


def merged(
    old: Mapping[str, PartTranslation], locale: str, changed: PartTranslation
) -> dict[str, PartTranslation]:
    """Return translations with those of one language replaced; without the language if all its texts are empty."""
    kept = {code: texts for code, texts in old.items() if code != locale}
    return kept if changed == PartTranslation() else {**kept, locale: changed}


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many texts of a page are translated into a language, of how many."""

    translated: int
    texts: int

    @property
    def missing(self) -> int:
        """The number of texts that readers see in the language of the page."""
        return self.texts - self.translated


def coverage(
    parts: Sequence[Part], locale: str, page: StatusPage | None = None, links: Sequence[str] = ()
) -> Coverage:
    """Return how far texts are translated: names and descriptions, and those of a page with the labels of its links.

    What has no description needs no translation of it.
    """
    texts = [part.translation(locale).name for part in parts]
    texts += [part.translation(locale).description for part in parts if part.description]
    if page is not None:
        own = page.texts_in(locale)
        texts += [own.about] if page.about else []
        texts += [own.links.get(label, "") for label in links]
    return Coverage(sum(bool(text) for text in texts), len(texts))
