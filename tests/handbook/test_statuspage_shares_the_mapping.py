"""statuspage-auto-update.py and the copies that Firebell keeps itself speak to Statuspage in the same words."""

from argparse import Namespace
from typing import Any

import pytest

from firebell.status_copies.statuspage import MARK
from firebell.status_pages.model import ComponentStatus, Impact, Stage
from tests.handbook.readers import module

SCRIPT = "examples/integrations/statuspage-auto-update.py"


def test_the_words_are_those_of_the_copies() -> None:
    script = module(SCRIPT)
    assert list(script.STAGES[:4]) == [stage.value for stage in Stage]
    assert set(script.HEALTH) < {status.code for status in ComponentStatus}
    assert set(script.IMPACT) < {impact.code for impact in Impact}


def test_a_copy_that_firebell_keeps_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    script = module(SCRIPT)
    monkeypatch.setenv("STATUSPAGE_KEY", "key")
    page: Any = script.Page.__new__(script.Page)
    page.options, page.path = Namespace(dry_run=True), "/v1/pages/abc/incidents"
    copy = {"id": "1", "created_at": "2026-11-24", "metadata": {MARK: {"id": "h2k9w3c7x1ab", "seq": 1}}}
    own = {"id": "2", "created_at": "2026-11-24", "metadata": {MARK: {"key": "INC-1", "stage": "resolved"}}}
    page.api = Namespace(get=lambda path: [copy, own])
    page.read()
    assert [post["id"] for post in page.posts] == ["2"]
