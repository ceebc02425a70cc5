"""Findings as SARIF 2.1.0, which code hosts show beside the lines (OASIS, 27 March 2020, with Errata 01) (pure)."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from firebell.runbooks.model import RunbookFinding
from firebell.runbooks.text_checks import RULES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def document(findings_by_path: Mapping[str, Sequence[RunbookFinding]], version: str) -> dict[str, Any]:
    """Return a SARIF log with the findings of each path; `version` is that of Firebell."""
    ids = list(RULES)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "firebell runbook check",
                        "version": version,
                        "rules": [
                            {"id": id_, "shortDescription": {"text": text}} for id_, text in RULES.items()
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(path, finding, ids.index(finding.id))
                    for path, findings in findings_by_path.items()
                    for finding in findings
                ],
            }
        ],
    }


def _result(path: str, finding: RunbookFinding, rule: int) -> dict[str, Any]:
    # without the line, so that a finding keeps its identity when text is added above it
    fingerprint = hashlib.sha256(f"{path}\0{finding.id}\0{finding.message}".encode()).hexdigest()[:32]
    return {
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": str(finding.level),
        "message": {"text": f"{finding.message} {finding.advice}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(path)},
                    "region": {"startLine": finding.line},
                }
            }
        ],
        "partialFingerprints": {"finding/v1": fingerprint},
    }
