"""Writes `references/with-firebell.md` of the handbook: the command and the page for each step of the practice."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HANDBOOK = ROOT / "skills" / "managing-incidents"
PAGE = HANDBOOK / "references" / "with-firebell.md"
WORKFLOW = HANDBOOK / "references" / "incident-workflow.md"
SOURCE = ROOT / "src" / "firebell"

STEPS: dict[str, list[tuple[str, str, str]]] = {
    "When you're paged": [
        ("See what is open", "firebell page list", "/pages"),
        ("Acknowledge", "firebell page ack PG-7", "/pages/PG-7"),
        ("Escalate to the next level now", "firebell page escalate PG-7", "/pages/PG-7"),
        ("Page someone by name or team", "firebell page send", "/pages/new"),
        ("Link the page to an incident", "firebell incident link INC-1 PG-7", "/incidents/INC-1"),
    ],
    "Declare and lead": [
        ("Classify, offline", "firebell classify", "/incidents/new"),
        ("Declare", "firebell declare 'Card payments fail' --page PG-7 --command", "/incidents/new"),
        ("See the incident, live", "firebell incident watch INC-1", "/incidents/INC-1"),
        ("Take a role", "firebell incident role INC-1 commander", "/incidents/INC-1"),
        ("Give a role", "firebell incident role INC-1 sme --give jun@example.org", "/incidents/INC-1"),
        (
            "Raise or lower the severity",
            "firebell incident severity INC-1 SEV0 --reason 'all cards'",
            "/incidents/INC-1",
        ),
        (
            "Keep conditions, actions, needs",
            "firebell incident canvas INC-1 --conditions '...'",
            "/incidents/INC-1",
        ),
        (
            "Record a finding, decision or mitigation",
            "firebell incident note INC-1 '...' --kind finding",
            "/incidents/INC-1",
        ),
        ("Move to another phase", "firebell incident phase INC-1 mitigating", "/incidents/INC-1"),
        ("Merge two incidents", "firebell incident merge INC-2 INC-1", "/incidents/INC-2"),
        ("Ask for an expert", "firebell response expert", "/incidents/INC-1"),
        ("See what comes next, and who is called", "firebell response next INC-1", "/incidents/INC-1"),
        ("Restrict who sees it", "firebell incident type", "/incidents/INC-1/details"),
        ("Mark the harm as ended", "firebell incident resolve INC-1", "/incidents/INC-1"),
        ("See what closing needs", "firebell incident closing INC-1", "/incidents/INC-1/close"),
        ("Close", "firebell incident close INC-1", "/incidents/INC-1/close"),
        ("Reopen", "firebell incident reopen", "/incidents/INC-1"),
        ("Run the process checks", "firebell incident check INC-1", "/incidents/INC-1"),
    ],
    "Keep people informed": [
        ("Post an internal update", "firebell incident update INC-1 'No change'", "/incidents/INC-1"),
        ("Fill any text", "firebell incident messages INC-1", "/incidents/INC-1/messages"),
        ("Check the tone of a text", "firebell comms check", "/incidents/INC-1/comms"),
        ("Publish everywhere at once", "firebell comms publish", "/incidents/INC-1/comms"),
        ("Status page: publish, update", "firebell statuspage publish", "/status-pages"),
        ("Planned maintenance", "firebell maintenance schedule", "/status-pages"),
        (
            "Customers and executives: what is due",
            "firebell audience due INC-1",
            "/incidents/INC-1/audiences",
        ),
        ("Your own wording", "firebell template list", "/handbook/templates"),
        ("Legal deadlines of an incident", "firebell incident clocks INC-1", "/incidents/INC-1/clocks"),
        ("All running deadlines", "firebell regime clocks", "/clocks"),
    ],
    "On-call": [
        ("Who is on call", "firebell oncall", "/oncall"),
        ("Create a schedule", "firebell oncall schedule", "/oncall/new"),
        ("Follow-the-sun", "firebell oncall schedule", "/oncall/new/sun"),
        ("Times without anyone", "firebell oncall gaps", "/oncall"),
        ("Problems of a schedule", "firebell oncall findings", "/oncall"),
        ("Override who is on call", "firebell oncall override", "/oncall"),
        ("Ask for cover", "firebell oncall cover", "/oncall/me"),
        ("Swap", "firebell oncall swap", "/oncall/me"),
        ("Time off", "firebell oncall vacation", "/oncall/me"),
        ("Handoff document", "firebell oncall handoff list", "/oncall/handoffs"),
        ("Load and nights", "firebell oncall report", "/oncall/load"),
        ("Pay", "firebell oncall rates", "/oncall/pay"),
        ("Escalation policy, who would be called", "firebell policy dry-run payments", "/escalation"),
        ("Your contact methods", "firebell contact", "/settings/contact"),
        ("Response by severity", "firebell response show", "/settings/response"),
    ],
    "Alerts and runbooks": [
        ("Connect a tool", "firebell alert sources", "/services"),
        ("Key for a sender", "firebell service key", "/services"),
        ("Alerts and their history", "firebell alert list", "/alerts"),
        ("Declare by rule", "firebell rule list", "/settings/declaration-rules"),
        ("Blank runbook", "firebell runbook new database-restore", "/runbooks/new"),
        ("Check runbooks, in CI", "firebell runbook check PATH...", "/runbooks"),
        ("Bring runbooks from Git", "firebell runbook source", "/runbooks/sources"),
        ("Run one step by step", "firebell runbook run", "/runbooks/runs"),
    ],
    "Learn": [
        ("Draft and read a post-mortem", "firebell postmortem show INC-1", "/post-mortems/INC-1"),
        ("Edit it by section", "firebell postmortem edit", "/post-mortems/INC-1/edit"),
        ("Find words of blame", "firebell postmortem lint", "/post-mortems"),
        ("Hold the meeting", "firebell postmortem meeting start INC-1", "/post-mortems/INC-1/meeting"),
        ("Ask for a review", "firebell postmortem review INC-1", "/post-mortems/INC-1/publication"),
        ("Publish it", "firebell postmortem publish INC-1", "/post-mortems/INC-1/publication"),
        ("Write a version for customers", "firebell postmortem external", "/post-mortems/INC-1/external"),
        ("Search all post-mortems", "firebell postmortem search", "/post-mortems"),
        ("Find similar incidents", "firebell postmortem similar INC-1", "/incidents/INC-1"),
        ("Report a near miss", "firebell near-miss report", "/near-misses/new"),
        ("Action items", "firebell action list", "/actions"),
        ("Share done in time", "firebell action completion", "/actions"),
        ("Sync action items with an issue tracker", "firebell tracker add", "/settings/trackers"),
        ("Times of closed incidents", "firebell incident list --phase closed --json", "/incidents"),
        ("Record an old incident", "firebell incident past", "/incidents/past"),
        (
            "Declare a drill, which pages no one",
            "firebell declare 'Drill: region lost' --severity SEV1 --drill",
            "/incidents/new",
        ),
    ],
    "Practice and measure": [
        ("Plan a game day or a tabletop", "firebell drill plan", "/drills/new"),
        ("Run a drill", "firebell drill start DRILL-1", "/drills/1"),
        ("Check a scenario file, offline", "firebell drill check drills/db-lost.yaml", "/drills"),
        ("See what the practice still lacks", "firebell readiness", "/readiness"),
        ("Metrics with their samples", "firebell metrics show", "/metrics"),
        ("Say whether a page was actionable", "firebell page vote PG-7 --actionable", "/pages/PG-7"),
    ],
    "Run Firebell": [
        ("Is paging ready?", "firebell doctor", "/"),
        ("Search everything", "firebell search checkout", "/search"),
        ("Who changed what", "-", "/settings/audit"),
        ("People and roles", "-", "/settings/people"),
        ("Chat", "firebell chat", "/settings/chat"),
        ("How long data is kept", "firebell retention", "/settings/retention"),
    ],
}
"""The steps by part of the practice: what, the command, and the page; `-` where there is none."""

OTHER_CODES = {"I-EMAIL": "T-MAIL"}
"""Checks that the program reports under a code of its own."""

_WHERE = {
    "incidents": "in the room, `firebell incident check`",
    "status_pages": "in the room, `firebell incident check`",
    "audiences": "in the room, `firebell incident check`",
    "regulatory": "in the room, `/clocks`",
    "postmortems": "in the post-mortem",
    "action_items": "`/actions`",
    "runbooks": "`/runbooks`, `firebell runbook check`",
    "metrics": "in the room, `firebell incident check`",
}
_CODE = re.compile(r"\"([A-Z]-[A-Z]{2,}(?:-[A-Z]+)*)\"")


def running() -> dict[str, str]:
    """Return the slice that reports each code, for all codes in the source."""
    slices: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).parts[0]
        if name in _WHERE:
            slices |= dict.fromkeys(_CODE.findall(path.read_text(encoding="utf-8")), name)
    return slices


def listed() -> list[str]:
    """Return the process checks of the workflow, in its order."""
    part = WORKFLOW.read_text(encoding="utf-8").partition("\n## Process checks\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| ([A-Z]-[A-Z]+) \|", part, re.MULTILINE)


def _code(text: str) -> str:
    return "-" if text == "-" else f"`{text}`"


def _step_table(heading: str, rows: list[tuple[str, str, str]]) -> str:
    lines = [f"## {heading}", "", "| Step | Command | Page |", "| --- | --- | --- |"]
    lines += [f"| {what} | {_code(command)} | {_code(page)} |" for what, command, page in rows]
    return "\n".join(lines)


def _check_table() -> str:
    slices = running()
    lines = ["## Process checks", "", "| Check | Who looks |", "| --- | --- |"]
    for code in listed():
        own = OTHER_CODES.get(code, code)
        name = slices.get(own)
        place = _WHERE[name] if name else "a person"
        lines.append(f"| {code} | {place}{f', as {own}' if name and own != code else ''} |")
    return "\n".join(lines)


def render() -> str:
    """Return the whole page."""
    head = (
        "# With Firebell\n\n"
        "The command and the page for each step of this practice. The page is generated from the program, and tests "
        "check that every command and every page exists. Commands that reach a server need `firebell login` once; "
        "with `--json` they print nothing but JSON. Without Firebell, the practice works with any pager, a chat "
        "channel, a call and a document.\n"
    )
    parts = [_step_table(heading, rows) for heading, rows in STEPS.items()]
    end = "Related: [workflow](incident-workflow.md), and the overview in [SKILL.md](../SKILL.md).\n"
    return "\n\n".join([head.rstrip("\n"), *parts, _check_table(), end])


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.exit(0)
