"""The file that describes services, in YAML or JSON, and what its errors say."""

import json
import re
from typing import Any

import pytest

from firebell.catalog import service_file
from firebell.catalog.model import ServiceLink
from firebell.catalog.service_file import FileFormat
from firebell.kit.errors import Invalid

OWN = """\
services:
  checkout-api:
    name: Checkout API
    team: payments
    tier: 1
    labels: {region: eu-north, pci: yes}
    links:
      Repository: https://git.example.org/checkout
  search:
    tier:
    links: [{title: Map, url: "https://example.org"}]
  empty:
"""
BACKSTAGE = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: artist-web
  title: Artist Website
  description: The place to be, for great artists
  labels: {example.com/custom: custom_label_value}
  annotations: {example.com/service-discovery: artistweb}
  tags: [java]
  links:
    - {url: https://admin.example-org.com, title: Admin Dashboard, icon: dashboard, type: admin-dashboard}
    - url: https://docs.example.org/artist
spec:
  type: website
  lifecycle: production
  owner: group:default/artist-relations-team
  system: public-websites
---
kind: Location
metadata: {name: other}
"""


def test_a_file_has_exactly_the_fields_that_it_lists() -> None:
    checkout, search, empty = service_file.read(OWN)
    assert (checkout.slug, checkout.place.number, checkout.places["tier"].number) == ("checkout-api", 2, 5)
    assert checkout.values == {
        "name": "Checkout API",
        "team": "payments",
        "tier": 1,
        "labels": {"pci": "yes", "region": "eu-north"},
        "links": (ServiceLink("Repository", "https://git.example.org/checkout"),),
    }
    assert search.values == {"tier": None, "links": (ServiceLink("Map", "https://example.org"),)}
    assert empty.values == {}


def test_a_component_of_backstage_is_a_service_and_other_kinds_are_left_out() -> None:
    [component] = service_file.read(BACKSTAGE)
    assert component.slug == "artist-web"
    assert component.values == {
        "name": "Artist Website",
        "description": "The place to be, for great artists",
        "labels": {"example.com/custom": "custom_label_value"},
        "links": (
            ServiceLink("Admin Dashboard", "https://admin.example-org.com"),
            ServiceLink("docs.example.org", "https://docs.example.org/artist"),
        ),
        "team": "artist-relations-team",
    }


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [1]),
        ("services:", [1]),
        ("[1, 2]", [1]),
        ("services:\n  a:\n    tier: 4\n    labels: {9x: y}\n    owner: me\n", [3, 4, 5]),
        ("services:\n  a: {tier: 1}\n  a: {tier: 2}\n", [3]),
        ("services:\n  a: {links: {x: 'javascript:1'}}\n", [2]),
        ("services:\n  a: {labels: [x]}\n", [2]),
        ("services:\n  a: &b {tier: 1}\n  c: *b\n", [2, 3]),
        ("services:\n  a: {tier: 1\n", [3]),
        ("kind: Component\nmetadata: {title: x}\n", [1]),
        ("kind: Component\nmetadata: {name: a}\n---\nkind: Component\nmetadata: {name: a}\n", [5]),
    ],
)
def test_errors_name_their_lines(text: str, lines: list[int]) -> None:
    with pytest.raises(Invalid) as refused:
        service_file.read(text)
    found = [part.partition(":")[0] for part in refused.value.fields["file"].split("Line ")[1:]]
    assert [int(number) for number in found] == lines


@pytest.mark.parametrize(
    ("text", "reason"), [("a: \x07", "#x0007"), ('a: "\\UFFFFFFFF"', "escaped character")]
)
def test_a_file_with_a_character_that_yaml_refuses_is_told_why(text: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        service_file.read(text)
    assert reason in refused.value.fields["file"]
    assert "\n" not in refused.value.fields["file"]


def test_a_json_file_says_the_same_as_yaml() -> None:
    checkout: dict[str, Any] = {
        "name": "Checkout API",
        "team": "payments",
        "tier": 1,
        "labels": {"region": "eu-north", "pci": True},
        "links": {"Repository": "https://git.example.org/checkout"},
    }
    described: dict[str, dict[str, Any] | None] = {
        "checkout-api": checkout,
        "search": {"tier": None},
        "empty": None,
    }
    listed = [{"slug": slug, **(fields or {})} for slug, fields in described.items()]
    own, search, empty = service_file.read(json.dumps({"services": described}), FileFormat.JSON)
    assert own.values == {
        **checkout,
        "labels": {"pci": "true", "region": "eu-north"},
        "links": (ServiceLink("Repository", "https://git.example.org/checkout"),),
    }
    assert (search.values, empty.values) == ({"tier": None}, {})
    as_list = service_file.read(json.dumps({"services": listed}, indent="\t"), FileFormat.JSON)
    assert [(each.slug, each.values) for each in as_list] == [
        (each.slug, each.values) for each in (own, search, empty)
    ]
    [component] = service_file.read(
        json.dumps({"kind": "Component", "metadata": {"name": "artist-web", "title": "Artist"}}),
        FileFormat.JSON,
    )
    assert (component.slug, component.values) == ("artist-web", {"name": "Artist"})


def test_an_exported_file_is_read_and_what_no_import_sets_is_left_out() -> None:
    exported = {
        "slug": "checkout",
        "name": "Kassa 🔔",
        "policy": "payments",
        "state": "degraded",
        "because_of": "PG-1",
        "open_pages": 1,
        "labels": {"region": "eu"},
        "links": [{"title": "Wiki", "url": "https://wiki.example.org/"}],
    }
    text = service_file.dump([exported, {"slug": "search"}])
    checkout, search = service_file.read(text, FileFormat.JSON)
    assert checkout.values == {
        "name": "Kassa 🔔",
        "labels": {"region": "eu"},
        "links": (ServiceLink("Wiki", "https://wiki.example.org/"),),
    }
    assert (search.slug, search.place.number) == ("search", 2)
    assert len(text.splitlines()) == 4
    assert json.loads(service_file.dump([])) == {"services": []}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", ["Line 1"]),
        ('{"services": []}', ["Line 1"]),
        ("[1, 2]", ["Line 1"]),
        ('"x"', ["Line 1"]),
        ('{"services": 3}', ["Line 1"]),
        ('{"services": [\n{"slug": "a",}]}', ["Line 2"]),
        ('{"services": ' * 9 + "1" + "}" * 9, ["Item 1, services"]),
        ("[" * 100_000, ["Line 1"]),
        (
            '{"services": [{"slug": "a"}, {"slug": "b", "tier": 4, "labels": {"9x": "y"}, "owner": 1}]}',
            ["Item 2, labels", "Item 2, owner", "Item 2, tier"],
        ),
        ('{"services": [{"tier": 1}, 3, {"slug": ["x"]}]}', ["Item 1", "Item 2", "Item 3", "Item 3, slug"]),
        ('{"services": [{"slug": "a"}, {"slug": "a"}]}', ["Item 2"]),
        ('{"services": {"a": {}, "b": {"tier": 4}}}', ["Item 2, tier"]),
        ('{"services": [{"slug": "a", "tier": 1, "tier": 2}]}', ["Item 1, tier"]),
        ('{"services": [{"slug": "a", "links": [{"title": "x"}]}]}', ["Item 1, links"]),
        ('{"services": [{"slug": "a\\u0000"}]}', ["Item 1", "Item 1, slug"]),
        ('{"services": [{"slug": "a", "team": "\\ud83d"}]}', ["Item 1, team"]),
        ('{"kind": "Component", "metadata": {"title": "x"}}', ["Item 1, kind"]),
    ],
)
def test_errors_of_a_json_file_name_the_item_and_its_field(text: str, places: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        service_file.read(text, FileFormat.JSON)
    problems = re.findall(r"((?:Line|Item) \d+(?:, \w+)?): ", refused.value.fields["file"])
    assert problems == places


@pytest.mark.parametrize(
    ("name", "media_type", "file_format"),
    [
        ("services.json", "", FileFormat.JSON),
        ("SERVICES.JSON", "text/plain", FileFormat.JSON),
        ("services.yml", "application/json", FileFormat.YAML),
        ("download", "application/json; charset=utf-8", FileFormat.JSON),
        ("-", "", FileFormat.YAML),
    ],
)
def test_the_extension_decides_the_format_before_the_media_type(
    name: str, media_type: str, file_format: FileFormat
) -> None:
    assert service_file.format_of(name, media_type) is file_format


def test_a_team_in_yaml_with_half_an_emoji_is_refused_and_not_stored() -> None:
    with pytest.raises(Invalid) as refused:
        service_file.read('services:\n  a: {team: "\\ud83d"}\n')
    assert refused.value.fields["file"].startswith("Line 2: ")
    refused.value.fields["file"].encode()


def test_a_key_with_an_invalid_character_is_an_error_that_can_be_shown() -> None:
    with pytest.raises(Invalid) as refused:
        service_file.read('{"services": [{"slug": "a", "x\\ud83d": 1}]}', FileFormat.JSON)
    assert refused.value.fields["file"].encode().startswith(b"Item 1, x?: ")
