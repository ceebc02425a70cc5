"""The SARIF log has what the standard asks for, and what code hosts need to show it."""

import json
from datetime import date

from firebell.runbooks import sarif
from firebell.runbooks.parse import read
from firebell.runbooks.text_checks import RULES, check

TEXT = "# Half a runbook\n\n## Owner\n\nTBD\n\n```bash\nssh <host>\n```\n"
PATH = "run books/half.md"


def test_every_result_names_a_rule_a_line_and_a_path() -> None:
    findings = check(read(TEXT), date(2026, 11, 24))
    assert {f.id for f in findings} == {"R-PART", "R-OWNER", "R-FENCE"}
    log = json.loads(json.dumps(sarif.document({PATH: findings, "good.md": []}, "0.1.0")))
    # section 3.13: version and runs are required
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    (run,) = log["runs"]
    # 3.14, 3.18, 3.19: a run has a tool, which has a driver, which has a name
    driver = run["tool"]["driver"]
    assert driver["name"]
    assert [r["id"] for r in driver["rules"]] == list(RULES)
    # 3.27.10: the message is required; 3.27.6: the index is that of the rule in the driver
    assert len(run["results"]) == len(findings)
    for result, finding in zip(run["results"], findings, strict=True):
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == finding.id
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"] == f"{finding.message} {finding.advice}"
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        # 3.4.3: a URI reference as in RFC 3986
        assert physical["artifactLocation"]["uri"] == "run%20books/half.md"
        # 3.30.5: lines begin with 1
        assert physical["region"] == {"startLine": finding.line}
        assert finding.line >= 1


def test_a_finding_stays_the_same_when_lines_are_added_above_it() -> None:
    def prints(text: str) -> list[str]:
        log = sarif.document({PATH: check(read(text), date(2026, 11, 24))}, "0.1.0")
        return sorted(r["partialFingerprints"]["finding/v1"] for r in log["runs"][0]["results"])

    assert prints(TEXT) == prints(TEXT.replace("## Owner", "A word more.\n\n## Owner"))
    assert len(set(prints(TEXT))) == len(prints(TEXT))
