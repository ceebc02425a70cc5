"""Reads a YAML file that describes services, in Firebell's own form or as Backstage Components (pure).

services:
  checkout-api:
    team: payments
    tier: 1
    labels: {region: eu-north}
    links: {Repository: https://git.example.org/checkout-api}
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

from firebell.catalog import labels_and_links
from firebell.catalog.model import DESCRIPTION_MAX_CHARS, TIERS, ServiceLink
from firebell.kit import yaml_limits
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.http_out import check_url
from firebell.kit.text import clean_name, clean_text

MAX_FILE_CHARS = 500_000
MAX_SERVICES = 2_000
_ERRORS_SHOWN = 10
_FIELDS = ("name", "team", "tier", "description", "runbook_url", "labels", "links")
_BACKSTAGE_KIND = "Component"
T = TypeVar("T")
_Pairs = Mapping[str, tuple[yaml.Node, yaml.Node]]
"""The keys of a mapping, each with its node and the node of its value."""


@dataclass(frozen=True, slots=True)
class DescribedService:
    """A service in a file, with the fields that the file has and the line of each.

    `values` has `name`, `description` and `runbook_url` as texts, `team` as a slug, `tier` as a number or None,
    `labels` as a mapping and `links` as a tuple.
    """

    slug: str
    line: int
    values: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


class _Problems:
    """The problems of a file, each after its line."""

    def __init__(self) -> None:
        self.by_line: list[tuple[int, str]] = []

    def add(self, node: yaml.Node | int, text: str) -> None:
        self.by_line.append((node if isinstance(node, int) else node.start_mark.line + 1, text))

    def checked(self, node: yaml.Node, check: Callable[[], T]) -> T | None:
        """Return what a check returns; None, with its refusal as a problem, if it raises."""
        try:
            return check()
        except FirebellError as error:
            self.add(node, " ".join((error.message, *error.fields.values())))
            return None


def refused(problems: list[tuple[int, str]]) -> Invalid:
    """Return the error of a file with these problems, each after its line."""
    texts = [f"Line {line}: {text}" for line, text in sorted(problems)]
    more = len(texts) - _ERRORS_SHOWN
    if more > 0:
        texts[_ERRORS_SHOWN:] = [f"And {more} more."]
    return Invalid("The file has errors, so nothing was changed.", fields={"file": " ".join(texts)})


def read(text: str) -> list[DescribedService]:
    """Return the services of a file, in order; raise Invalid for the field `file`, with the line of each problem."""
    if len(text) > MAX_FILE_CHARS:
        raise refused([(1, f"The file has more than {MAX_FILE_CHARS:,} characters. Split it.")])
    problems = _Problems()
    services = list(_services(text, problems))
    lines: dict[str, int] = {}
    for each in services:
        if each.slug in lines:
            problems.add(each.line, f"{each.slug[:60]} is listed on line {lines[each.slug]} too. Remove one.")
        lines.setdefault(each.slug, each.line)
    if not services and not problems.by_line:
        problems.add(1, "The file has no services. It must begin with services: or kind: Component.")
    if len(services) > MAX_SERVICES:
        problems.add(1, f"The file has more than {MAX_SERVICES:,} services. Split it.")
    if problems.by_line:
        raise refused(problems.by_line)
    return services


def _services(text: str, problems: _Problems) -> Iterator[DescribedService]:
    try:
        for refusal in yaml_limits.refusals(text):
            problems.add(refusal.line, f"The file {refusal.what}. {refusal.advice}")
        if problems.by_line:
            return
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        line, reason = yaml_limits.problem_of(error)
        problems.add(line, f"This is not YAML: {reason}.")
        return
    for document in documents:
        if document is None or _is_null(document):
            continue
        root = _mapping(document, problems, "services:")
        if "kind" in root:
            yield from _component(root, problems)
        elif "services" in root:
            listed = _mapping(root["services"][1], problems, "checkout-api: {tier: 1}")
            for slug, (key, value) in listed.items():
                yield _described(slug, key, value, problems)
        elif root:
            problems.add(document, "The file must begin with services: or kind: Component.")


def _described(slug: str, key: yaml.Node, node: yaml.Node, problems: _Problems) -> DescribedService:
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    fields = {} if _is_null(node) else _mapping(node, problems, "tier: 1")
    for name, (name_node, value) in fields.items():
        if name not in _FIELDS:
            problems.add(name_node, f"There is no field {name[:60]}. Use {', '.join(_FIELDS)}.")
            continue
        lines[name] = value.start_mark.line + 1
        values[name] = _value(name, value, problems)
    return DescribedService(slug, key.start_mark.line + 1, values, lines)


def _value(name: str, node: yaml.Node, problems: _Problems) -> Any:
    if name == "labels":
        labels = _texts(node, problems, "region: eu-north")
        return problems.checked(node, lambda: labels_and_links.checked_labels(labels))
    if name == "links":
        links = _links(node, problems)
        return problems.checked(node, lambda: labels_and_links.checked_links(links))
    text = _text(node, problems)
    match name:
        case "name":
            return problems.checked(node, lambda: clean_name(text, "name"))
        case "description":
            return problems.checked(node, lambda: clean_text(text, DESCRIPTION_MAX_CHARS, "description"))
        case "runbook_url":
            return problems.checked(node, lambda: check_url(text, "runbook_url")) if text else ""
        case "tier":
            if text and text not in map(str, TIERS):
                problems.add(node, f"There is no tier {text[:20]}. Use one of {', '.join(map(str, TIERS))}.")
                return None
            return int(text) if text else None
        case _:
            return text.strip()


def _component(root: _Pairs, problems: _Problems) -> Iterator[DescribedService]:
    """Yield the service that a document of Backstage describes, if it is about a Component."""
    if _text(root["kind"][1], problems) != _BACKSTAGE_KIND:
        return
    metadata = _part(root, "metadata", problems)
    spec = _part(root, "spec", problems)
    if "name" not in metadata:
        problems.add(root["kind"][0], "The Component has no metadata.name. Add it.")
        return
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}

    def take(name: str, part: _Pairs, key: str) -> None:
        if key in part:
            node = part[key][1]
            values[name] = _value(name, node, problems)
            lines[name] = node.start_mark.line + 1

    take("name", metadata, "title")
    take("description", metadata, "description")
    take("labels", metadata, "labels")
    take("links", metadata, "links")
    take("team", spec, "owner")
    if "team" in values:
        # an entity reference, such as group:default/payments
        values["team"] = values["team"].rpartition("/")[2].rpartition(":")[2]
    name = metadata["name"][1]
    yield DescribedService(_text(name, problems).strip(), name.start_mark.line + 1, values, lines)


def _part(root: _Pairs, name: str, problems: _Problems) -> _Pairs:
    return _mapping(root[name][1], problems, "name: checkout-api") if name in root else {}


def _links(node: yaml.Node, problems: _Problems) -> tuple[ServiceLink, ...]:
    """Return the links of a mapping of titles to addresses, or of a list of mappings with `title` and `url`."""
    if not isinstance(node, yaml.SequenceNode):
        return tuple(
            ServiceLink(title, url) for title, url in _texts(node, problems, "Repository: https://…").items()
        )
    links = []
    for each in node.value:
        fields = _mapping(each, problems, "url: https://…")
        url = _text(fields["url"][1], problems) if "url" in fields else ""
        title = _text(fields["title"][1], problems) if "title" in fields else ""
        if not url:
            problems.add(each, "This link has no url. Add it.")
        else:
            links.append(ServiceLink(title or _host(url), url))
    return tuple(links)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0][: labels_and_links.LINK_TITLE_MAX_CHARS]


def _texts(node: yaml.Node, problems: _Problems, example: str) -> dict[str, str]:
    if _is_null(node):
        return {}
    pairs = _mapping(node, problems, example)
    return {key: _text(value, problems) for key, (_, value) in pairs.items()}


def _mapping(node: yaml.Node, problems: _Problems, example: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Return the pairs of a mapping by their keys, as nodes; {} with a problem for anything else."""
    if not isinstance(node, yaml.MappingNode):
        problems.add(node, f"Enter keys and values here, such as {example}")
        return {}
    pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            problems.add(key, "This key is not a single string.")
        elif key.value in pairs:
            problems.add(key, f"{key.value[:60]} is listed twice. Remove one.")
        else:
            pairs[str(key.value)] = (key, value)
    return pairs


def _text(node: yaml.Node, problems: _Problems) -> str:
    """Return a single value as it is written, so that the label `no` is not false; "" for none."""
    if _is_null(node):
        return ""
    if not isinstance(node, yaml.ScalarNode):
        problems.add(node, "Enter a single value here.")
        return ""
    return str(node.value)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")
