"""Reads a file that describes services (pure), in Firebell's own form or as Backstage Components.

services:
  checkout-api:
    team: payments
    tier: 1
    labels: {region: eu-north}
    links: {Repository: https://git.example.org/checkout-api}

The same in JSON, or as the list that the export writes: {"services": [{"slug": "checkout-api", "tier": 1}]}.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from firebell.catalog import labels_and_links, service_csv, service_json, service_yaml
from firebell.catalog.file_nodes import MappingNode, Node, Place, Problems, ScalarNode, SequenceNode, refused
from firebell.catalog.model import DESCRIPTION_MAX_CHARS, TIERS, ServiceLink
from firebell.kit.http_out import check_url
from firebell.kit.text import clean_name, clean_text
from firebell.kit.web.filters import shown, storable

MAX_FILE_CHARS = 500_000
MAX_SERVICES = 2_000
_FIELDS = ("name", "team", "tier", "description", "runbook_url", "labels", "links")
_BACKSTAGE_KIND = "Component"
_EXPORTED_ONLY = ("policy", "state", "because_of", "open_pages")
"""Fields of an exported service that an import leaves alone."""
_Pairs = Mapping[str, tuple[Node, Node]]
"""The keys of a mapping, each with its node and the node of its value."""


class FileFormat(StrEnum):
    """How a file of services is written."""

    YAML = "yaml"
    JSON = "json"


dump = service_json.dump
dump_csv = service_csv.dump
_PARSERS = {FileFormat.YAML: service_yaml.documents, FileFormat.JSON: service_json.documents}
_FORMATS_BY_EXTENSION = {
    ".json": FileFormat.JSON,
    ".yaml": FileFormat.YAML,
    ".yml": FileFormat.YAML,
}


def format_of(name: str, media_type: str = "", default: FileFormat = FileFormat.YAML) -> FileFormat:
    """Return the format of a file by the extension of its name, or else by its media type."""
    for extension, file_format in _FORMATS_BY_EXTENSION.items():
        if name.lower().endswith(extension):
            return file_format
    return FileFormat.JSON if media_type.partition(";")[0].strip() == "application/json" else default


@dataclass(frozen=True, slots=True)
class DescribedService:
    """A service in a file, with the fields that the file has and the place of each.

    `values` has `name`, `description` and `runbook_url` as texts, `team` as a slug, `tier` as a number or None,
    `labels` as a mapping and `links` as a tuple.
    """

    slug: str
    place: Place
    values: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)


def read(text: str, file_format: FileFormat = FileFormat.YAML) -> list[DescribedService]:
    """Return the services of a file, in order; raise Invalid for the field `file`, with the place of each problem."""
    if len(text) > MAX_FILE_CHARS:
        raise refused([(Place(1), f"The file has more than {MAX_FILE_CHARS:,} characters. Split it.")])
    problems = Problems()
    services = list(_services(_PARSERS[file_format](text, problems), problems))
    places: dict[str, Place] = {}
    for each in services:
        if each.slug in places:
            listed = places[each.slug].within
            problems.add(each.place, f"{each.slug[:60]} is listed {listed} too. Remove one.")
        places.setdefault(each.slug, each.place)
    if not services and not problems.by_place:
        problems.add(Place(1), "The file has no services. It must begin with services: or kind: Component.")
    if len(services) > MAX_SERVICES:
        problems.add(Place(1), f"The file has more than {MAX_SERVICES:,} services. Split it.")
    if problems.by_place:
        raise refused(problems.by_place)
    return services


def _services(documents: list[Node], problems: Problems) -> Iterator[DescribedService]:
    for document in documents:
        if _is_null(document):
            continue
        root = _mapping(document, problems, "services:")
        if "kind" in root:
            yield from _component(root, problems)
        elif "services" in root:
            yield from _listed(root["services"][1], problems)
        elif root:
            problems.add(document.place, "The file must begin with services: or kind: Component.")


def _listed(node: Node, problems: Problems) -> Iterator[DescribedService]:
    """Yield the services of a mapping by slug, or of a list as the export writes it."""
    if not isinstance(node, SequenceNode):
        for slug, (key, value) in _mapping(node, problems, "checkout-api: {tier: 1}").items():
            fields = {} if _is_null(value) else _mapping(value, problems, "tier: 1")
            yield _described(slug, key.place, fields, problems)
        return
    for item in node.items:
        fields = _mapping(item, problems, "slug: checkout-api")
        slug = _text(fields["slug"][1], problems).strip() if "slug" in fields else ""
        if slug:
            own = {name: pair for name, pair in fields.items() if name not in ("slug", *_EXPORTED_ONLY)}
            yield _described(slug, item.place, own, problems)
        elif isinstance(item, MappingNode):
            problems.add(item.place, "This service has no slug. Add one.")


def _described(slug: str, place: Place, fields: _Pairs, problems: Problems) -> DescribedService:
    values: dict[str, Any] = {}
    places: dict[str, Place] = {}
    for name, (name_node, value) in fields.items():
        if name not in _FIELDS:
            problems.add(name_node.place, f"There is no field {name[:60]}. Use {', '.join(_FIELDS)}.")
            continue
        places[name] = value.place
        values[name] = _value(name, value, problems)
    return DescribedService(slug, place, values, places)


def _value(name: str, node: Node, problems: Problems) -> Any:
    if name == "labels":
        labels = _texts(node, problems, "region: eu-north")
        return problems.checked(node.place, lambda: labels_and_links.checked_labels(labels))
    if name == "links":
        links = _links(node, problems)
        return problems.checked(node.place, lambda: labels_and_links.checked_links(links))
    text = _text(node, problems)
    match name:
        case "name":
            return problems.checked(node.place, lambda: clean_name(text, "name"))
        case "description":
            return problems.checked(
                node.place, lambda: clean_text(text, DESCRIPTION_MAX_CHARS, "description")
            )
        case "runbook_url":
            return problems.checked(node.place, lambda: check_url(text, "runbook_url")) if text else ""
        case "tier":
            if text and text not in map(str, TIERS):
                problems.add(
                    node.place, f"There is no tier {text[:20]}. Use one of {', '.join(map(str, TIERS))}."
                )
                return None
            return int(text) if text else None
        case _:
            return text.strip()


def _component(root: _Pairs, problems: Problems) -> Iterator[DescribedService]:
    """Yield the service that a document of Backstage describes, if it is about a Component."""
    if _text(root["kind"][1], problems) != _BACKSTAGE_KIND:
        return
    metadata = _part(root, "metadata", problems)
    spec = _part(root, "spec", problems)
    if "name" not in metadata:
        problems.add(root["kind"][0].place, "The Component has no metadata.name. Add it.")
        return
    values: dict[str, Any] = {}
    places: dict[str, Place] = {}

    def take(name: str, part: _Pairs, key: str) -> None:
        if key in part:
            node = part[key][1]
            values[name] = _value(name, node, problems)
            places[name] = node.place

    take("name", metadata, "title")
    take("description", metadata, "description")
    take("labels", metadata, "labels")
    take("links", metadata, "links")
    take("team", spec, "owner")
    if "team" in values:
        # an entity reference, such as group:default/payments
        values["team"] = values["team"].rpartition("/")[2].rpartition(":")[2]
    name = metadata["name"][1]
    yield DescribedService(_text(name, problems).strip(), name.place, values, places)


def _part(root: _Pairs, name: str, problems: Problems) -> _Pairs:
    return _mapping(root[name][1], problems, "name: checkout-api") if name in root else {}


def _links(node: Node, problems: Problems) -> tuple[ServiceLink, ...]:
    """Return the links of a mapping of titles to addresses, or of a list of mappings with `title` and `url`."""
    if not isinstance(node, SequenceNode):
        return tuple(
            ServiceLink(title, url) for title, url in _texts(node, problems, "Repository: https://…").items()
        )
    links = []
    for each in node.items:
        fields = _mapping(each, problems, "url: https://…")
        url = _text(fields["url"][1], problems) if "url" in fields else ""
        title = _text(fields["title"][1], problems) if "title" in fields else ""
        if not url:
            problems.add(each.place, "This link has no url. Add it.")
        else:
            links.append(ServiceLink(title or _host(url), url))
    return tuple(links)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0][: labels_and_links.LINK_TITLE_MAX_CHARS]


def _texts(node: Node, problems: Problems, example: str) -> dict[str, str]:
    if _is_null(node):
        return {}
    pairs = _mapping(node, problems, example)
    return {key: _text(value, problems) for key, (_, value) in pairs.items()}


def _mapping(node: Node, problems: Problems, example: str) -> dict[str, tuple[Node, Node]]:
    """Return the pairs of a mapping by their keys, as nodes; {} with a problem for anything else."""
    if not isinstance(node, MappingNode):
        problems.add(node.place, f"Enter keys and values here, such as {example}")
        return {}
    pairs: dict[str, tuple[Node, Node]] = {}
    for key, value in node.pairs:
        name = key.text if isinstance(key, ScalarNode) else None
        if name is None:
            problems.add(key.place, "This key is not a single string.")
        elif not storable(name):
            problems.add(key.place, f"{shown(name)} has an invalid character. Remove it.")
        elif name in pairs:
            problems.add(key.place, f"{name[:60]} is listed twice. Remove one.")
        else:
            pairs[name] = (key, value)
    return pairs


def _text(node: Node, problems: Problems) -> str:
    """Return a single value as it is written; "" for none."""
    if not isinstance(node, ScalarNode):
        problems.add(node.place, "Enter a single value here.")
        return ""
    text = node.text or ""
    if not storable(text):
        problems.add(node.place, f"{shown(text)} has an invalid character. Remove it.")
        return ""
    return text


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.text is None
