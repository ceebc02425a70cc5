"""statuspage-auto-update.py follows the incidents that it understands beside one that it does not."""

from typing import Any

import httpx
import pytest

from tests.handbook.readers import module

SCRIPT = "examples/integrations/statuspage-auto-update.py"


def test_a_phase_of_a_newer_firebell_costs_that_incident_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    script = module(SCRIPT)
    known: dict[str, Any] = {
        "ref": "INC-1",
        "title": "x",
        "severity": "SEV1",
        "phase": "investigating",
        "services": [],
        "detected_at": None,
        "resolved_at": None,
    }
    api = script.Client("Firebell", "http://127.0.0.1", {})
    answer = httpx.Response(200, json=[{**known, "ref": "INC-2", "phase": "handed_over"}, known])
    monkeypatch.setattr(api, "call", lambda verb, path: answer)
    assert [i.key for i in script.of_firebell(api, [])] == ["INC-1"]
