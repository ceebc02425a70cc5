#!/usr/bin/env python3
"""Check what can be checked of this skill without an agent, and the answers of an agent if you have them.

Run it with plain Python 3.10 or newer:

    python3 evals/check.py
    python3 evals/check.py --answers answers.json

The first compares the classifier with the twenty cases, and the routes with the table of SKILL.md. The second also
compares answers: {"severity": {"1": "SEV0", ...}, "routing": {"1": "references/on-call.md", ...},
"conversations": {"payments": ["first answer", "second answer"], ...}}. Leave out what you don't have.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

SKILL = Path(__file__).resolve().parent.parent
CLASSIFIER = SKILL / "scripts" / "classify-severity.py"
OPTIONS = {
    "down_or_data_at_risk": "--down",
    "major_degraded": "--degraded",
    "workaround": "--workaround",
    "customers_impacted": "--customers",
}


def load(name: str) -> list[dict[str, Any]]:
    """Return the cases of a file beside this one."""
    cases: list[dict[str, Any]] = json.loads((SKILL / "evals" / name).read_text(encoding="utf-8"))
    return cases


def classified(answers: dict[str, str]) -> tuple[str, bool]:
    """Return the severity and whether it is provisional, by the script that ships with the skill."""
    options = [word for name, answer in answers.items() for word in (OPTIONS[name], answer)]
    ran = subprocess.run(  # noqa: S603 - the script beside this one
        [sys.executable, str(CLASSIFIER), *options, "--json"], capture_output=True, text=True, check=True
    )
    result = json.loads(ran.stdout)
    return result["severity"], result["provisional"]


def severity_faults() -> list[str]:
    """Return where the classifier and the twenty cases differ."""
    faults = []
    for case in load("severity.json"):
        severity, provisional = classified(case["answers"])
        if (severity, provisional) != (case["severity"], case["provisional"]):
            faults.append(f"case {case['id']}: {severity}, expected {case['severity']}")
    return faults


def routes() -> set[str]:
    """Return the files that the table of SKILL.md leads to."""
    text = (SKILL / "SKILL.md").read_text(encoding="utf-8")
    table = text.partition("\n## Where to look\n")[2].partition("\n## ")[0]
    return {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", table)}


def routing_faults() -> list[str]:
    """Return the expected routes that the table does not have, or that lead to no file."""
    known = routes()
    return [
        f"task {case['id']}: {case['open']} is not in the table of SKILL.md"
        for case in load("routing.json")
        if case["open"] not in known or not (SKILL / case["open"]).is_file()
    ]


def conversation_faults(answers: dict[str, list[str]]) -> list[str]:
    """Return what the answers of an agent lack, and what they must not say."""
    faults = []
    for case in load("conversations.json"):
        replies = answers.get(case["id"])
        for expected in case["expect"] if replies is not None else []:
            where = f"{case['id']}, turn {expected['turn']}"
            if expected["turn"] > len(replies or []):
                faults.append(f"{where}: there is no answer")
                continue
            reply = (replies or [])[expected["turn"] - 1]
            if "severity" in expected and not re.search(rf"\b{expected['severity']}\b", reply):
                faults.append(f"{where}: {expected['severity']} is missing")
            if expected.get("provisional") and "provisional" not in reply.lower():
                faults.append(f"{where}: it does not say that the severity is provisional")
            faults += [
                f"{where}: {pattern!r} is missing"
                for pattern in expected.get("must", [])
                if not re.search(pattern, reply, re.IGNORECASE)
            ]
            faults += [
                f"{where}: it says {pattern!r}"
                for pattern in expected.get("must_not", [])
                if re.search(pattern, reply, re.IGNORECASE)
            ]
    return faults


def answer_faults(answers: dict[str, Any]) -> list[str]:
    """Return what is wrong with the answers of an agent."""
    faults = []
    for name, field in (("severity", "severity"), ("routing", "open")):
        given = answers.get(name, {})
        for case in load(f"{name}.json") if given else []:
            answer = given.get(str(case["id"]))
            if answer != case[field]:
                faults.append(f"{name} {case['id']}: {answer}, expected {case[field]}")
    return faults + conversation_faults(answers.get("conversations", {}))


def main() -> int:
    """Print every fault; return 1 if there are any."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--answers", type=Path, metavar="FILE", help="the answers of an agent, as JSON")
    options = parser.parse_args()
    faults = severity_faults() + routing_faults()
    if options.answers:
        try:
            answers = json.loads(options.answers.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            print(f"{options.answers} can't be read as JSON: {error}", file=sys.stderr)
            return 2
        faults += answer_faults(answers)
    for fault in faults:
        print(fault)
    counts = {name: len(load(f"{name}.json")) for name in ("severity", "routing", "conversations")}
    if not faults:
        print(f"All right: {counts['severity']} severities and {counts['routing']} routes.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
