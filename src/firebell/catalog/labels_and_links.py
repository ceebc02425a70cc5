"""The labels and links of a service, and the lines in which a form shows them (pure)."""

import re
from collections.abc import Mapping, Sequence

from firebell.catalog.model import ServiceLink
from firebell.kit.errors import Invalid
from firebell.kit.http_out import check_url
from firebell.kit.text import clean_text
from firebell.kit.web.filters import shown

MAX_LABELS = 50
"""The most labels of a service."""
MAX_LINKS = 20
"""The most links of a service."""
LABEL_NAME_MAX_CHARS = 63
LABEL_VALUE_MAX_CHARS = 200
LINK_TITLE_MAX_CHARS = 60
_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_.\-/]{{0,{LABEL_NAME_MAX_CHARS - 1}}}")
_NAME_RULE = f"begins with a letter and has at most {LABEL_NAME_MAX_CHARS} letters, digits, and _ . - /"


def checked_labels(labels: Mapping[str, str], field: str = "labels") -> dict[str, str]:
    """Return the labels by name, with clean values; raise Invalid at `field` for the first that is wrong."""
    if len(labels) > MAX_LABELS:
        raise _invalid("There are too many labels.", field, f"Use at most {MAX_LABELS} labels.")
    checked = {}
    for name in sorted(labels):
        if not _NAME.fullmatch(name):
            raise _invalid("A label has a wrong name.", field, f"{shown(name)}: a name {_NAME_RULE}.")
        value = clean_text(labels[name], LABEL_VALUE_MAX_CHARS, field, name=f"The value of {name}").strip()
        if len(value.splitlines()) != 1:
            raise _invalid("A label has a wrong value.", field, f"Enter one line as the value of {name}.")
        checked[name] = value
    return checked


def checked_links(links: Sequence[ServiceLink], field: str = "links") -> tuple[ServiceLink, ...]:
    """Return the links with clean titles; raise Invalid at `field` for the first that is wrong."""
    if len(links) > MAX_LINKS:
        raise _invalid("There are too many links.", field, f"Use at most {MAX_LINKS} links.")
    checked: dict[str, ServiceLink] = {}
    for link in links:
        title = clean_text(link.title, LINK_TITLE_MAX_CHARS, field, name="The title of a link").strip()
        if len(title.splitlines()) != 1:
            raise _invalid("A link has no title.", field, f"Write a title before {shown(link.url)}.")
        if title.casefold() in checked:
            raise _invalid("Two links have the same title.", field, f"Rename or remove one link {title}.")
        checked[title.casefold()] = ServiceLink(title, check_url(link.url, field))
    return tuple(checked.values())


def labels_of_lines(text: str) -> dict[str, str]:
    """Return the labels of lines such as `region=eu-north`; raise Invalid with the first line that is invalid."""
    labels: dict[str, str] = {}
    for line in _lines(text):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise _invalid("A label can’t be read.", "labels", f"Write {shown(line)} as name=value.")
        if name in labels:
            raise _invalid("A label is listed twice.", "labels", f"Remove one line of {shown(name)}.")
        labels[name] = value
    return labels


def links_of_lines(text: str) -> tuple[ServiceLink, ...]:
    """Return the links of lines such as `Repository https://…`; raise Invalid with the first line that is invalid."""
    links = []
    for line in _lines(text):
        title, _, url = (part.strip() for part in line.rpartition(" "))
        if not title:
            raise _invalid(
                "A link can’t be read.", "links", f"Write {shown(line)} as a title, a space and an address."
            )
        links.append(ServiceLink(title, url))
    return tuple(links)


def label_lines(labels: Mapping[str, str]) -> str:
    """Return one line for each label, by name; `labels_of_lines` reads them back."""
    return "\n".join(f"{name}={labels[name]}" for name in sorted(labels))


def link_lines(links: Sequence[ServiceLink]) -> str:
    """Return one line for each link; `links_of_lines` reads them back."""
    return "\n".join(f"{link.title} {link.url}" for link in links)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _invalid(message: str, field: str, advice: str) -> Invalid:
    return Invalid(message, fields={field: advice})
