"""docs/guarantees.md names only tests that exist."""

import ast
import json
import re
from functools import cache

import pytest

from tests.house.source import ROOT

TEXT = (ROOT / "docs" / "guarantees.md").read_text()
TIME = (ROOT / "docs" / "time.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT + TIME)))


@cache
def _functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_promise_is_proved_by_a_test_that_exists(path: str, name: str) -> None:
    assert name in _functions(path), f"{path} has no {name}"


def test_every_promise_names_its_proof() -> None:
    promises = [line for line in TEXT.splitlines() if line.startswith("- ")]
    assert len(promises) > 30
    assert not [line for line in promises if "::" not in line]
    assert TEXT.count("::") == len(re.findall(r"`tests/[\w/]+\.py::\w+`", TEXT))


def test_every_vector_that_the_page_on_time_names_exists() -> None:
    rules = ROOT / "tests" / "rules"
    published = {v["id"] for v in json.loads((rules / "vectors" / "schedule_vectors.json").read_text())}
    more = set(re.findall(r'^    "([A-Z]\d\d) ', (rules / "test_oncall_more_vectors.py").read_text(), re.M))
    named = set(re.findall(r"\b[RMDWCE]\d\d\b", TIME))
    assert len(named) > 30
    assert named <= published | more
    assert not published & more
