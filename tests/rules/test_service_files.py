"""The YAML file that describes services, and what its errors say."""

import pytest

from firebell.catalog import service_yaml
from firebell.catalog.model import ServiceLink
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
    checkout, search, empty = service_yaml.read(OWN)
    assert (checkout.slug, checkout.line, checkout.lines["tier"]) == ("checkout-api", 2, 5)
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
    [component] = service_yaml.read(BACKSTAGE)
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
        service_yaml.read(text)
    found = [part.partition(":")[0] for part in refused.value.fields["file"].split("Line ")[1:]]
    assert [int(number) for number in found] == lines


@pytest.mark.parametrize(
    ("text", "reason"), [("a: \x07", "#x0007"), ('a: "\\UFFFFFFFF"', "escaped character")]
)
def test_a_file_with_a_character_that_yaml_refuses_is_told_why(text: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        service_yaml.read(text)
    assert reason in refused.value.fields["file"]
    assert "\n" not in refused.value.fields["file"]
