"""The links at the foot of a status page, and how they are written in a form (pure; spec 7.9)."""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from firebell.kit.errors import Invalid
from firebell.kit.text import clean_name
from firebell.status_pages.public.theme import FooterLink

MAX_LINKS, LABEL_MAX_CHARS, URL_MAX_CHARS = 8, 60, 500
_ADDRESS = re.compile(r"https://[^\s<>\"\\]+", re.ASCII)
_FIELD = "footer_links"


def checked_links(links: Iterable[tuple[str, str]]) -> tuple[FooterLink, ...]:
    """Return links from pairs of label and address; raise `Invalid` at `footer_links`."""
    listed = [(label.strip(), url.strip()) for label, url in links]
    if len(listed) > MAX_LINKS:
        raise Invalid("There are too many links.", fields={_FIELD: f"Use at most {MAX_LINKS}."})
    checked = tuple(FooterLink(_label(label, url), _url(url)) for label, url in listed)
    labels = [link.label.casefold() for link in checked]
    if twice := next((link.label for link in checked if labels.count(link.label.casefold()) > 1), ""):
        raise Invalid(f"Two links are called {twice!r}.", fields={_FIELD: "Give each link its own label."})
    return checked


def _label(label: str, url: str) -> str:
    if not label:
        raise Invalid(f"{url[:60]!r} has no label.", fields={_FIELD: "Enter a label before each address."})
    try:
        return clean_name(label, _FIELD, limit=LABEL_MAX_CHARS)
    except Invalid:
        raise Invalid(
            f"The label {label[:60]!r} can’t be used.",
            fields={_FIELD: f"A label has at most {LABEL_MAX_CHARS} characters."},
        ) from None


def _url(url: str) -> str:
    if len(url) > URL_MAX_CHARS or not _ADDRESS.fullmatch(url) or not _has_host(url):
        raise Invalid(
            f"{url[:60]!r} can’t be a link.",
            fields={
                _FIELD: f"Enter addresses that begin with https://, of at most {URL_MAX_CHARS} characters."
            },
        )
    return url


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def links_of_text(text: str) -> list[tuple[str, str]]:
    """Return the pairs of label and address in a text with one link on each line; the address comes last."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return [(" ".join(words[:-1]), words[-1]) for words in lines]


def text_of_links(links: Sequence[FooterLink]) -> str:
    """Return links as `links_of_text` reads them."""
    return "\n".join(f"{link.label} {link.url}" for link in links)
