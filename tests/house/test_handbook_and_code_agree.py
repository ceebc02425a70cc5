"""The handbook and the code agree; if this fails, one of the two is wrong."""

import json
import re
from datetime import timedelta

import pytest
import yaml
from tools import practice_doc

from firebell.handbook import shipped_content, templates
from firebell.incidents.messages import placeholder_values
from firebell.incidents.model import POSTMORTEM_WITHIN, ROLE_NAMES, IncidentRole, Phase
from firebell.incidents.severity import FACTS, QUESTIONS, Severity, classify
from firebell.kit.handbook_files import skill, skill_files
from firebell.regulatory.regimes.files import catalog
from firebell.workload.monthly_report import MAX_NIGHT_PAGES
from tests.house.source import SRC

SEVERITY = "references/severity-classification.md"
WORKFLOW = "references/incident-workflow.md"
METRICS = "references/metrics.md"
IMPLEMENTATION = "references/implementation.md"
FILES = {
    "SKILL.md",
    "references/severity-classification.md",
    "references/incident-roles.md",
    "references/incident-workflow.md",
    "references/blameless-postmortems.md",
    "references/tool-comparison.md",
    "references/escalation-matrix.md",
    "references/on-call.md",
    "references/alert-design.md",
    "references/metrics.md",
    "references/training.md",
    "references/security-incidents.md",
    "references/crisis-communication.md",
    "references/implementation.md",
    "references/glossary.md",
    "references/with-firebell.md",
    "examples/communication-templates.md",
    "examples/postmortem-template.md",
    "examples/postmortem-sev0.md",
    "examples/postmortem-near-miss.md",
    "examples/oncall-handoff-template.md",
    "examples/blank-runbook.md",
    "examples/runbooks/bad-release.md",
    "examples/runbooks/certificate-expired.md",
    "examples/runbooks/database-failover.md",
    "examples/runbooks/cache-invalidation.md",
    "examples/runbooks/ddos-mitigation.md",
    "examples/integrations/pagerduty-slack.py",
    "examples/integrations/statuspage-auto-update.py",
    "examples/integrations/postmortem-generator.py",
    "scripts/classify-severity.py",
    "evals/check.py",
    "evals/severity.json",
    "evals/routing.json",
    "evals/conversations.json",
}
TEMPLATES = {
    *("update-first", "update-progress", "update-mitigated", "update-resolved", "update-handover"),
    *("channel-pinned", "channel-name", "all-clear", "status-investigating", "status-identified"),
    *("status-monitoring", "status-resolved", "status-maintenance", "email-acknowledge", "email-update"),
    *("email-resolved", "executive-brief", "regulator-gdpr-33", "regulator-financial", "regulator-hipaa"),
    *("regulator-gdpr-34", "regulator-nis2-ew", "regulator-sec-8k"),
    *("holding-statement", "postmortem", "handoff", "sev0", "sev1", "sev2", "sev3"),
}
CHECKS = re.compile(r"\b([IPFRC]-[A-Z]{2,}(?:-[A-Z]+)*)\b")
SPECIFIED = {
    *("I-LATE", "I-NOIC", "I-HANDSON", "I-ROLE", "I-HANDOVER", "I-UPDATE", "I-STATUS", "I-EMAIL"),
    *("I-NOPROGRESS", "I-SEVDEBATE", "I-EARLYCLOSE", "I-PROVISIONAL", "I-NOTIMELINE", "I-NORUNBOOK"),
    *("P-SKIPPED", "P-SECTIONS", "P-WHYS", "P-BLAME", "P-ACTIONS", "P-STALE", "P-REPEAT"),
    *("F-FATIGUE", "F-NOACTION", "R-STALE", "R-PART", "R-UNTESTED", "R-OWNER"),
    *("C-DUE", "C-LATE", "C-UNDETERMINED"),
}


def table(path: str, heading: str) -> list[dict[str, str]]:
    """Return a table of the handbook as rows by column name."""
    head, *rows = shipped_content.table(path, heading)
    return [dict(zip(head, row, strict=True)) for row in rows]


def severities() -> dict[str, dict[str, str]]:
    return {row.pop(""): row for row in table(SEVERITY, "The table")}


def minutes(text: str) -> int | None:
    """Return the first number of minutes or hours in a cell."""
    match = re.search(r"(\d+) (min|h)\b", text)
    return int(match[1]) * (60 if match[2] == "h" else 1) if match else None


def test_exactly_the_files_of_the_written_practice_are_there() -> None:
    assert set(skill_files("")) == FILES


def test_the_skill_is_one_that_an_agent_can_load() -> None:
    text = skill("SKILL.md")
    front = yaml.safe_load(text.split("---\n")[1])
    assert set(front) == {"name", "description", "license", "compatibility", "metadata"}
    assert front["name"] == "managing-incidents"
    assert re.fullmatch(r"[a-z0-9-]{1,64}", front["name"])
    assert 100 < len(front["description"]) <= 1024
    assert len(front["compatibility"]) <= 500
    assert front["license"] == "Apache-2.0"
    assert re.fullmatch(r"\d+\.\d+", front["metadata"]["version"])
    assert len(text.splitlines()) < 500
    pieces = re.findall(r"\w{1,6}|[^\w\s]", text)
    assert len(pieces) < 5000, "more pieces than tokens; an agent loads the whole file"


def test_the_table_of_the_skill_leads_to_every_reference_and_every_eval_expects_a_file_in_it() -> None:
    part = skill("SKILL.md").partition("\n## Where to look\n")[2].partition("\n## ")[0]
    targets = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", part)}
    read = {path for path in FILES if path.endswith(".md") and path != "SKILL.md"}
    assert targets == read
    routes = json.loads(skill("evals/routing.json"))
    assert len({case["open"] for case in routes}) == len(routes) == 10
    assert {case["open"] for case in routes} <= targets


def test_the_severity_cases_of_the_evals_are_those_of_the_handbook() -> None:
    cases = json.loads(skill("evals/severity.json"))
    rows = [list(case.values()) for case in table(SEVERITY, "Twenty cases")]
    assert [[str(c["id"]), c["situation"], *c["answers"].values(), c["severity"]] for c in cases] == [
        row[:-1] for row in rows
    ]
    yes = {"yes": True, "no": False, "unknown": None}
    for case in cases:
        answered = {name: yes[answer] for name, answer in case["answers"].items()}
        assert classify(answered).provisional == case["provisional"], case["id"]


def test_long_chapters_have_a_table_of_contents() -> None:
    without = [
        chapter.path
        for chapter in shipped_content.chapters()
        if not chapter.is_code
        and chapter.path.startswith("references/")
        and chapter.path not in ("references/glossary.md", "references/with-firebell.md")
        and len(chapter.text.splitlines()) > 100
        and "**Contents:**" not in chapter.text
    ]
    assert without == []


@pytest.mark.parametrize("sev", list(Severity), ids=lambda s: s.name)
def test_the_severity_table_matches_the_code(sev: Severity) -> None:
    said, facts = {name: row[sev.name] for name, row in severities().items()}, FACTS[sev]
    assert said["Meaning"] == facts.meaning
    assert said["Response"] == facts.response
    assert said["Roles required"] == ", ".join(ROLE_NAMES[IncidentRole(r)] for r in facts.roles)
    assert minutes(said["Internal updates"]) == facts.update_every
    assert (said["Internal updates"] == "-") == (facts.update_every is None)
    if facts.commander_within:
        assert said["Role deadlines"] == f"Commander {facts.commander_within} min, others 15 min"
    else:
        assert "min" not in said["Role deadlines"]
    assert templates.nonblank_lines(shipped_content.shipped()[sev.name.lower()].body) == [
        facts.meaning,
        facts.response,
    ]
    due = "48 h after closure"
    assert (said["Post-mortem due"] == due) == facts.postmortem
    assert timedelta(hours=48) == POSTMORTEM_WITHIN


def test_the_table_has_the_rows_that_others_read() -> None:
    assert list(severities()) == [
        *("Meaning", "Response", "Roles required", "Role deadlines", "Internal updates"),
        *("Customer email", "Status page", "MTTA target", "MTTR target", "Post-mortem due"),
    ]


def test_the_decision_tree_asks_the_questions_of_the_code() -> None:
    rows = table(SEVERITY, "The decision tree")
    assert [(r["Question"], r["Help"]) for r in rows] == [(q.text, q.help) for q in QUESTIONS]


def test_the_twenty_cases_match_the_handbook() -> None:
    cases = table(SEVERITY, "Twenty cases")
    assert len(cases) == 20
    yes = {"yes": True, "no": False, "unknown": None}
    wrong = {}
    for case in cases:
        number, _, *answers, sev, _ = case.values()
        answered = {q.name: yes[a] for q, a in zip(QUESTIONS, answers, strict=True)}
        if classify(answered).severity.name != sev:
            wrong[number] = (sev, classify(answered).severity.name)
    assert wrong == {}


def test_the_roles_are_those_of_the_code() -> None:
    rows = {row["Role"]: row for row in table("references/incident-roles.md", "Who fills what")}
    assert list(rows) == [ROLE_NAMES[r] for r in IncidentRole]
    for sev, facts in FACTS.items():
        required = {name for name, row in rows.items() if row[sev.name].startswith("required")}
        assert required == {ROLE_NAMES[IncidentRole(r)] for r in facts.roles}, sev
        if facts.commander_within:
            assert minutes(rows["Commander"][sev.name]) == facts.commander_within


def test_the_phases_are_those_of_the_code() -> None:
    rows = [row["Phase"] for row in table(WORKFLOW, "Phases")]
    specified = [
        *("detected", "triaging", "declared", "investigating", "mitigating", "resolved", "monitoring"),
        *("closed", "reviewed", "dismissed", "merged"),
    ]
    assert rows == specified
    assert {str(p) for p in Phase} <= set(rows)


def test_the_process_checks_are_those_of_the_specification_and_the_code_has_no_other() -> None:
    rows = table(WORKFLOW, "Process checks")
    listed = [row["Id"] for row in rows]
    assert set(listed) == SPECIFIED
    assert len(listed) == len(SPECIFIED)
    rules = [
        *(SRC / "incidents" / "checks").glob("*_checks.py"),
        SRC / "status_pages/truthfulness/process_checks.py",
    ]
    code = "".join(path.read_text() for path in rules)
    running = set(CHECKS.findall(code))
    assert running
    assert running <= SPECIFIED


def test_the_page_of_commands_and_checks_is_the_generated_one() -> None:
    assert skill("references/with-firebell.md") == practice_doc.render(), "run python -m tools.practice_doc"
    assert practice_doc.listed() == [row["Id"] for row in table(WORKFLOW, "Process checks")]
    by_a_person = {
        row["Check"]
        for row in table("references/with-firebell.md", "Process checks")
        if row["Who looks"] == "a person"
    }
    known = practice_doc.running()
    assert not {code for code in by_a_person if practice_doc.OTHER_CODES.get(code, code) in known}


def test_the_state_of_the_product_stands_on_one_page() -> None:
    status = re.compile(
        r"\bby hand today\b|\bplanned check\b|\bFirebell today\b|\| today:|\| planned:|In Firebell[,:]"
    )
    assert {path: m[0] for path, text in prose().items() if (m := status.search(text))} == {}


def test_no_text_names_a_check_that_does_not_exist() -> None:
    runbooks = set(CHECKS.findall("".join(p.read_text() for p in (SRC / "runbooks").glob("*.py"))))
    oncall = set(
        re.findall(r"\"(S-[A-Z-]+)\"", "".join(p.read_text() for p in (SRC / "oncall").rglob("*.py")))
    )
    for chapter in shipped_content.chapters():
        if chapter.is_code:
            continue
        assert set(CHECKS.findall(chapter.text)) <= SPECIFIED | runbooks, chapter.path
        assert set(re.findall(r"\b(S-[A-Z]{2,}(?:-[A-Z]+)*)\b", chapter.text)) <= oncall, chapter.path


def test_the_clocks_and_triggers_are_those_of_the_specification() -> None:
    clocks = [row["Id"] for row in table(WORKFLOW, "Regulatory clocks")]
    assert len(clocks) == len(set(clocks))
    obligations = {one.id for regime in catalog().regimes.values() for one in regime.obligations}
    assert set(clocks) - {"CONTRACT-*"} <= obligations
    assert set(clocks) >= {
        *("GDPR-33", "GDPR-33P", "GDPR-34", "UKGDPR-33", "HIPAA-IND", "HIPAA-HHS500", "HIPAA-HHS"),
        *("HIPAA-MEDIA", "HIPAA-BA", "NIS2-EW", "NIS2-IN", "NIS2-FR", "DORA-I", "DORA-M", "DORA-F"),
        *("SEC-8K", "NYDFS-72", "NYDFS-EXT", "NYDFS-EXT30", "USBANK-36", "FIN-NOW", "PCI", "CA-1798.82"),
    }
    triggers = [row["Id"] for row in table("references/escalation-matrix.md", "Triggers")]
    assert triggers == [f"E{n}" for n in range(1, 9)]
    blame = [row["Id"] for row in table("references/blameless-postmortems.md", "The blameless check")]
    assert blame == ["B1", "B1s", "B1i", "B2", "B3", "B5", "B7", "B8", "B9", "B10"]


def test_the_targets_are_the_same_in_the_metrics_and_in_the_table() -> None:
    targets = {row["Metric"]: row["Target"] for row in table(METRICS, "Metrics and targets")}
    assert targets["MTBF"] == "> 30 d"
    assert targets["Frequency"] == "down"
    assert targets["Action completion"] == "> 90%"
    for metric in ("MTTA", "MTTR"):
        limit = severities()[f"{metric} target"]["SEV1"]
        assert targets[metric] == f"< {limit} for SEV1"


def test_the_implementation_checklist_has_its_four_phases() -> None:
    text = shipped_content.chapter(IMPLEMENTATION).text
    part = text.partition("## Implementation checklist")[2].partition("\n## ")[0]
    phases = re.split(r"^### ", part, flags=re.MULTILINE)[1:]
    names = [phase.splitlines()[0] for phase in phases]
    kinds = ("Foundation", "Processes", "Culture", "Optimization")
    assert names == [f"Phase {n}: {kind}" for n, kind in enumerate(kinds, 1)]
    assert [len(re.findall(r"^- \[ \] \S", phase, re.MULTILINE)) for phase in phases] == [4, 4, 4, 4]
    weeks = ["Week 1.", "Weeks 2 and 3.", "Weeks 4 and after.", "Months 3 to 6."]
    assert [phase.splitlines()[2] for phase in phases] == weeks


def test_every_anti_pattern_names_its_check() -> None:
    rows = table(IMPLEMENTATION, "Anti-patterns")
    assert len(rows) >= 7
    assert {row["Check"] for row in rows} <= SPECIFIED
    assert {"I-LATE", "I-NOIC", "I-HANDSON", "P-SKIPPED", "P-BLAME", "P-STALE", "F-FATIGUE"} <= {
        row["Check"] for row in rows
    }


def test_every_template_is_there_once_in_a_form_that_can_be_used() -> None:
    paths = [p for p in skill_files("") if p.endswith(".md")]
    templates_by_path = [(p, *templates.read(skill(p))) for p in paths]
    assert {p: faults for p, _, faults in templates_by_path if faults} == {}
    ids = [t.id for _, read, _ in templates_by_path for t in read]
    assert sorted(ids) == sorted(TEMPLATES)
    assert {
        t.id: why for t in shipped_content.shipped().values() if (why := templates.fault(t, t.body))
    } == {}


def test_only_regulator_notices_ask_for_what_the_program_cannot_know() -> None:
    filled = templates.INCIDENT | templates.POSTMORTEM | templates.HANDOFF
    for name, template in shipped_content.shipped().items():
        other = set(templates.slots(template.body)) - filled
        assert not other or name.startswith("regulator-"), f"{name}: {other}"


def test_every_template_that_the_code_asks_for_exists() -> None:
    fitting = {name for names in placeholder_values.FITS.values() for name in names}
    assert set(placeholder_values.FITS) == set(Phase)
    assert {*placeholder_values.UPDATES, *fitting, *templates.DOCUMENTS, *templates.SEVERITIES} <= TEMPLATES


def test_the_table_of_the_wheel_and_of_the_checkout_is_read_alike() -> None:
    for path in skill_files(""):
        assert skill(path).strip(), path
    with pytest.raises(FileNotFoundError, match=r"\.\./\.\./README\.md"):
        skill("../../README.md")


NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5}
IN_A_NIGHT = re.compile(
    r"(two to three|\d+|two|three|four) (?:distinct |urgent )*(?:pages?|times)(?: or more)?"
    r"[^.|;:]{0,20}? (?:in )?(?:a|one|per) night",
    re.IGNORECASE,
)


def number(text: str) -> int:
    return NUMBERS.get(text.lower()) or int(text)


def prose() -> dict[str, str]:
    """Return the chapters without their filled examples of one team's week."""
    return {c.path: c.text for c in shipped_content.chapters() if not c.is_code}


def row(path: str, heading: str, first: str) -> dict[str, str]:
    """Return the row of a table that begins with a word."""
    return next(r for r in table(path, heading) if next(iter(r.values())) == first)


def test_the_night_limit_is_one_figure_in_every_file() -> None:
    limits = {p: [m[1] for m in IN_A_NIGHT.finditer(text)] for p, text in prose().items()}
    named = {path: {number(n) for n in numbers} for path, numbers in limits.items() if numbers}
    assert set(named) == {
        "references/alert-design.md",
        "references/escalation-matrix.md",
        "references/implementation.md",
        "references/incident-workflow.md",
        "references/metrics.md",
        "references/on-call.md",
        "examples/oncall-handoff-template.md",
    }
    assert set().union(*named.values()) == {MAX_NIGHT_PAGES + 1}, named
    assert (
        row(METRICS, "Metrics and targets", "Pages at night")["Target"] == f"fewer than {MAX_NIGHT_PAGES + 1}"
    )


def test_executives_are_notified_of_a_provisional_sev0_on_confirmation_or_after_five_minutes() -> None:
    rule = re.search(r"Executives are told of a provisional SEV0 after (\w+) minutes", prose()[SEVERITY])
    assert rule
    limit = number(rule[1])
    stated = {
        "matrix": row("references/escalation-matrix.md", "SEV0", "Management, executive")["0 min"],
        "cadence": row(WORKFLOW, "Communication cadence", "Executives")["SEV0"],
    }
    for place, text in stated.items():
        assert re.search(rf"provisional.*confirm.*\b{limit} min", text), place


@pytest.mark.parametrize("sev", [Severity.SEV0, Severity.SEV1], ids=lambda s: s.name)
def test_the_commander_is_paged_at_the_declaration(sev: Severity) -> None:
    command = row("references/escalation-matrix.md", sev.name, "Command")
    assert "commander paged" in command["0 min"]
    within = FACTS[sev].commander_within
    present = next(at for at, cell in command.items() if f"commander joins by minute {within}" in cell)
    assert (minutes(present) or 0) <= (within or 0)
    assert "pages the policy" in prose()["references/incident-roles.md"]


def test_the_build_system_is_no_customer_anywhere() -> None:
    """Case 6 counts colleagues as customers only if someone outside waits because of it."""
    case = row(SEVERITY, "Twenty cases", "6")
    text = prose()[SEVERITY]
    assert next(v for k, v in case.items() if "ustomer" in k) == "no"
    assert "colleagues are customers" not in text.lower()
    assert "includes colleagues when the service is made for them" not in text


def test_the_times_of_the_filled_postmortem_are_those_of_its_timeline() -> None:
    text = prose()["examples/postmortem-template.md"]
    acknowledged = re.search(r"17 (\d\d):(\d\d) \| Mara Lindqvist \| Acknowledges", text)
    finding = re.search(r"17 (\d\d):(\d\d) \| Leon Fischer \| Finds", text)
    claimed = re.search(r"take (\d+) minutes from acknowledging", text)
    assert acknowledged
    assert finding
    assert claimed
    took = timedelta(hours=int(finding[1]), minutes=int(finding[2])) - timedelta(
        hours=int(acknowledged[1]), minutes=int(acknowledged[2])
    )
    assert took == timedelta(minutes=int(claimed[1]))


def test_every_promised_update_of_the_worked_sev1_is_sent() -> None:
    text = prose()[WORKFLOW]
    day = text[text.index("INC-12, SEV1.") :].partition("\nWhat the post-mortem will ask")[0]
    steps = [(m.start(), m[1]) for m in re.finditer(r"\*\*(\d\d:\d\d)\*\*", day)]
    sent = []
    for (start, at), (end, _) in zip(steps, [*steps[1:], (len(day), "")], strict=True):
        promises = re.findall(r"Next update at (\d\d:\d\d)", day[start:end])
        sent.append((at, "pdate" in day[start:end], promises))
    for number_of, (at, _, promises) in enumerate(sent):
        for promise in promises:
            kept = [t for t, is_update, _ in sent[number_of + 1 :] if is_update and t <= promise]
            assert kept, f"promised at {at} for {promise}"
    assert sum(len(promises) for _, _, promises in sent) >= 3


def test_the_postmortem_template_asks_for_two_branches_and_for_luck() -> None:
    body = shipped_content.shipped()["postmortem"].body
    cause = body.partition("## Root cause")[2].partition("\n## ")[0]
    assert re.findall(r"^Branch ([AB])", cause, re.MULTILINE) == ["A", "B"]
    assert cause.count("What made this possible?") == 10
    for asked in ("Trigger:", "Detection:", "Links:", "lucky", "| Tracker |"):
        assert asked in body, asked


def test_no_customer_message_uses_counterfactuals() -> None:
    for name, template in shipped_content.shipped().items():
        assert not re.search(r"should have|human error", template.body, re.IGNORECASE), name


def test_a_cell_of_the_comparison_is_open_only_where_its_sources_are_silent() -> None:
    features = {r[""]: r for r in table("references/tool-comparison.md", "Features")}
    for feature, tool, source in (
        ("Incident roles", "PagerDuty", "s19"),
        ("Single sign-on", "PagerDuty", "s19"),
        ("Post-mortem document", "PagerDuty", "s19"),
        ("Single sign-on", "incident.io", "s20"),
        ("Private incidents", "incident.io", "s20"),
    ):
        assert source in features[feature][tool], (feature, tool)


def test_the_command_that_fills_the_texts_is_named_where_texts_are_sent() -> None:
    for path in ("SKILL.md", "examples/communication-templates.md", WORKFLOW):
        assert "firebell incident messages INC-1" in prose()[path], path


@pytest.mark.parametrize("name", ["SKILL", "SKILL.md", "skill", "/SKILL", ""])
def test_the_first_chapter_opens_by_the_name_that_the_command_line_prints(name: str) -> None:
    assert shipped_content.chapter(name).path == "SKILL.md"
