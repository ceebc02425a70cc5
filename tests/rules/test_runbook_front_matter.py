"""Front matter: what it states, where it is wrong, and that no YAML bomb is read."""

import pytest

from firebell.runbooks.front_matter import MAX_CHARS, front_matter
from firebell.runbooks.parse import read

GOOD = """---
id: disk
triggers:
  - alertname="DiskFull", severity=~"critical|error"
services: [ledger-db, search]
severity: SEV2
vars: {HOST: {type: host}}
owner_team: Payments
---
# Disk full
"""


def test_everything_that_front_matter_can_state_is_read() -> None:
    front = read(GOOD).front
    assert front.id == "disk"
    assert front.triggers == ('{alertname="DiskFull",severity=~"critical|error"}',)
    assert front.services == ("ledger-db", "search")
    assert (front.severity, front.variables, front.owner_team) == ("SEV2", ("HOST",), "Payments")
    assert (front.problems, front.refused) == ((), False)


@pytest.mark.parametrize("text", [GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD])
def test_line_endings_and_a_byte_order_mark_change_nothing(text: str) -> None:
    assert front_matter(text) == front_matter(GOOD)


def test_a_text_without_front_matter_states_nothing() -> None:
    assert front_matter("# Disk full\n\n---\n\nid: x\n") == front_matter("")
    assert front_matter("+++\ntitle = 'Hugo'\n+++\n# A\n") == front_matter("")


@pytest.mark.parametrize(
    ("yaml", "line"),
    [
        ("a: &x [1]\nid: y", 2),
        ("id: y\nb: *x", 3),
        ("id: !!python/object:os.system x", 2),
        ("id: a\nservices: []\nid: b", 4),
        ("vars: {A: {type: x, type: y}}", 2),
        ("id: [", 2),
        ("- a\n- b", 2),
        ("just a text", 2),
        ("a: " + "[" * 20 + "]" * 20, 2),
        ("id: " + "9" * 5000, 2),
        ("id: 2026-13-45", 2),
        ('id: "\\UFFFFFFFF"', 2),
        ("id: " + "x" * MAX_CHARS, 2),
        ("id: a\n\tservices: b", 3),
    ],
)
def test_front_matter_that_is_not_plain_yaml_is_refused_with_its_line(yaml: str, line: int) -> None:
    front = front_matter(f"---\n{yaml}\n---\n# A\n")
    assert front.refused
    assert [(p.line, p.level) for p in front.problems] == [(line, "error")]


def test_a_wrong_trigger_is_a_finding_with_its_place_and_the_others_stay() -> None:
    front = front_matter("---\ntriggers:\n  - 'a=\"1\"'\n  - 'b=~\"(\"'\n  - '{}'\n  - nonsense\n---\n# A\n")
    assert front.triggers == ('{a="1"}',)
    assert [p.line for p in front.problems] == [4, 5, 6]
    assert not front.refused


def test_unknown_keys_warn_and_wrong_types_are_errors() -> None:
    front = front_matter("---\ncolor: red\nservices: {a: b}\nid: [x]\nvars: [A]\n---\n")
    assert [(p.line, p.level) for p in front.problems] == [
        (2, "warning"),
        (3, "error"),
        (4, "error"),
        (5, "error"),
    ]
    assert (front.services, front.id, front.variables) == ((), "", ())
