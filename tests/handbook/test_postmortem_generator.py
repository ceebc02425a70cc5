"""postmortem-generator.py drafts from what Firebell, PagerDuty and plain files know."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from markdown_it import MarkdownIt

from firebell.incidents import actions as incidents
from firebell.incidents.timeline import mitigation_effects
from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, key_of
from tests.handbook.readers import SKILL, module, run
from tests.handbook.stand_ins import pagerduty as pd
from tests.handbook.stand_ins.server import Answer, Fault, served
from tests.servers import serve, until
from tests.world import world

SCRIPT = "examples/integrations/postmortem-generator.py"
REAL = SKILL / "examples" / "postmortem-template.md"
SECTIONS = [
    "Summary",
    "Impact",
    "Timeline",
    "Root cause",
    "What went well",
    "What went wrong",
    "Action items",
]
TEMPLATE = """# Post-mortem template

## The template

`postmortem` · The draft of every post-mortem.

````markdown
# {{ref}}: {{title}}

{{severity}} on {{date}}. Services: {{services}}. {{somebody_else}}

## Summary

{{summary}}

## Impact

{{impact}}

- Detected to declared: {{detected_to_declared}}
- Detected to end of impact: {{detected_to_end}}
- Declared to closed: {{declared_to_closed}}

## Timeline

{{timeline}}

## Root cause

{{findings}}

## What went well

{{mitigations}}

## What went wrong

## Action items
````
"""
LINES = """# written down by Mara
2026-11-24 03:21 finding: build 4812 opened too many connections
2026-11-24T04:12:00+01:00 | Mara | detected: 5xx above 5 %
2026-11-24 03:14:30Z paged: Mara
2026-11-24 03:17 acknowledged: Mara
2026-11-24 03:18 | Mara | declared: as SEV1

2026-11-24 04:20 mitigation: rolled build 4812 back
2026-11-24 04:31 end of impact: errors at 0.1 %
2026-11-24 05:10 closed: stable
"""


@pytest.fixture
def template(tmp_path: Path) -> tuple[str, str]:
    """The option that names a template like the handbook's."""
    (tmp_path / "template.md").write_text(TEMPLATE)
    return ("--template", str(tmp_path / "template.md"))


def rows(document: str) -> list[list[str]]:
    """Return the cells of the timeline."""
    lines = [line for line in document.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_a_file_of_lines_becomes_a_sorted_timeline_with_measured_times(template: tuple[str, str]) -> None:
    ran = run(
        SCRIPT, "file", "-", *template, "--title", "Card payments fail", typed=LINES, flags=("-I", "-S")
    )
    out = ran.stdout
    assert [at for at, _, _ in rows(out)] == [
        "2026-11-24 03:12",
        "2026-11-24 03:14",
        "2026-11-24 03:17",
        "2026-11-24 03:18",
        "2026-11-24 03:21",
        "",
        "2026-11-24 04:20",
        "2026-11-24 04:31",
        "2026-11-24 05:10",
    ]
    assert rows(out)[0][1:] == ["Mara", "Detected: 5xx above 5 %"]
    assert rows(out)[5][2] == "_Nothing was written down for 59 min. What happened?_"
    assert "- Time to acknowledge: 2 min" in out
    assert out.count(": 1 h 19 min") == 1, "each measured time is written once"
    assert "- Detected to declared: 6 min" in out
    assert "- Detected to end of impact: 1 h 19 min" in out
    assert "- Declared to closed: 1 h 52 min" in out
    assert "- build 4812 opened too many connections" in out
    assert "- rolled build 4812 back" in out
    assert "on 24 November 2026. Services: _which?_. {{somebody_else}}" in out
    assert "# _Which incident?_: Card payments fail" in out


def went_well(document: str) -> list[str]:
    """Return the lines under What went well."""
    return document.partition("## What went well\n\n")[2].partition("\n\n## ")[0].splitlines()


def test_what_had_no_effect_did_not_go_well(template: tuple[str, str]) -> None:
    lines = [
        "2026-11-24 03:12 detected: x",
        "2026-11-24 03:20 mitigation: rolled back build 4812, no effect",
        "2026-11-24 03:25 mitigation: restarted the pods",
        "2026-11-24 03:30 mitigation: blocked the crawler, which helped a little",
        "2026-11-24 03:35 mitigation: limited checkout to five instances",
    ]
    ended, back = "2026-11-24 03:45 resolved: errors at 0.1 %", "2026-11-24 03:55 finding: it is back"

    def of(*written: str) -> list[str]:
        return went_well(run(SCRIPT, "file", "-", *template, typed="\n".join(written)).stdout)

    assert of(*lines, ended) == [
        "- blocked the crawler, which helped a little",
        "- limited checkout to five instances",
    ]
    question = [module(SCRIPT).HELPED]
    assert of(*lines[:3]) == question, "nothing ended the impact"
    assert of(*lines[:2], ended) == question
    assert of(lines[0], lines[2], ended, back, "2026-11-24 04:30 resolved: once more") == question
    assert of(lines[0], "2026-11-24 03:40 mitigation: it recovered by itself", ended) == question


def test_the_script_and_the_product_accept_the_same_answers() -> None:
    script = module(SCRIPT)
    assert (script.SAYS_FAILED, script.SAYS_HELPED) == (
        mitigation_effects.SAYS_FAILED,
        mitigation_effects.SAYS_HELPED,
    )


def test_a_quiet_watch_is_no_gap_and_a_silence_after_a_return_is_one(template: tuple[str, str]) -> None:
    lines = [
        "2026-11-24 03:12 detected: x",
        "2026-11-24 03:20 resolved: y",
        "2026-11-24 03:55 finding: it is back",
        "2026-11-24 04:40 resolved: z",
        "2026-11-24 04:45 note: stable",
        "2026-11-24 05:30 closed: stable",
    ]
    out = run(SCRIPT, "file", "-", *template, typed="\n".join(lines)).stdout
    assert [number for number, (at, _, _) in enumerate(rows(out)) if not at] == [3]


def test_csv_and_json_say_the_same_as_lines(tmp_path: Path, template: tuple[str, str]) -> None:
    entries = [
        {"time": "2026-11-24 04:21", "who": "Jun", "text": "Rolled back, then\nwaited", "kind": "mitigation"},
        {"time": "2026-11-24 04:12", "who": "", "text": "5xx above 5 %", "kind": "detected"},
    ]
    (tmp_path / "t.json").write_text(json.dumps(entries))
    (tmp_path / "t.csv").write_bytes(
        b"\xef\xbb\xbfTime, Who, Text, Kind\r\n"
        b'2026-11-24 04:21,Jun,"Rolled back, then\nwaited",mitigation\r\n'
        b"2026-11-24 04:12,,5xx above 5 %,detected\r\n"
    )
    stockholm = ("--tz", "Europe/Stockholm")
    outputs = [
        run(SCRIPT, "file", str(tmp_path / name), *template, *stockholm).stdout
        for name in ("t.json", "t.csv")
    ]
    assert outputs[0] == outputs[1]
    assert rows(outputs[0]) == [
        ["2026-11-24 03:12", "", "5xx above 5 %"],
        ["2026-11-24 03:21", "Jun", "Rolled back, then waited"],
    ]
    assert "- Detected to end of impact: not known" in outputs[0]
    assert "_No finding was recorded. What was found on the way?_" in outputs[0]


def test_an_object_brings_what_it_knows(tmp_path: Path, template: tuple[str, str]) -> None:
    payload: dict[str, Any] = {
        "ref": "INC-7",
        "title": "T",
        "severity": "SEV1",
        "services": ["checkout"],
        "summary": "One.",
    }
    payload["timeline"] = [{"time": "2026-11-24T03:12Z", "text": "x"}]
    (tmp_path / "t.json").write_text(json.dumps(payload))
    out = run(SCRIPT, "file", str(tmp_path / "t.json"), *template, "--severity", "SEV0").stdout
    assert out.startswith("# INC-7: T\n\nSEV0 on 24 November 2026. Services: checkout.")
    assert "## Summary\n\nOne.\n" in out
    assert "_Who could not do what, how many, for how long?_" in out


def test_an_end_before_the_beginning_is_a_question(template: tuple[str, str]) -> None:
    lines = "2026-11-24 03:12 detected: x\n2026-11-24 03:10 resolved: y\n"
    out = run(SCRIPT, "file", "-", *template, typed=lines).stdout
    assert "Detected to end of impact: not known: ended is before detected" in out


def test_what_people_wrote_stays_inside_its_cell(template: tuple[str, str]) -> None:
    evil = "a | b <script>alert(1)</script> `code` [x](javascript:1) ![i](http://e) {{ref}} *täglich* 決済"
    lines = f"2026-11-24 03:12 finding: # {evil}\n2026-11-24 03:13 | x | y | z\n"
    out = run(SCRIPT, "file", "-", *template, "--title", f"{evil}\n# H1 " + "x" * 5000, typed=lines).stdout
    assert [len(row) for row in rows(out)] == [3, 3]
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(out)
    assert not re.search(r"<(script|a|img|code)\b|<em>täglich", html)
    assert html.count("<h1>") == 1
    assert "täglich* 決済" in html


def test_a_file_is_not_overwritten_without_force(tmp_path: Path, template: tuple[str, str]) -> None:
    target = tmp_path / "out.md"
    args = ("file", "-", *template, "--output", str(target))
    assert run(SCRIPT, *args, "--dry-run", typed=LINES).stdout.startswith("# ")
    assert not target.exists()
    assert run(SCRIPT, *args, typed=LINES).stdout == ""
    before = target.read_text()
    assert "--force" in run(SCRIPT, *args, typed="2026-11-24 03:12 x\n", code=2).stderr
    assert target.read_text() == before
    run(SCRIPT, *args, "--force", typed="2026-11-24 03:12 x\n")
    assert target.read_text() != before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-11-24 03:12 fine\nyesterday it broke\n", "line 2: 'yesterday it broke' is not"),
        ("2026-13-24 03:12 x\n", "line 1: needs `time`"),
        ("2026-11-24 03:12\n", "line 1"),
        ("# nothing\n", "there is no entry in it"),
        ("[1, 2]", "entry 1: needs `time`"),
        ('[{"time": "2026-11-24 03:12"}]', "entry 1: needs `time`"),
        ("{", "this is not JSON"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(template: tuple[str, str], text: str, why: str) -> None:
    ran = run(SCRIPT, "file", "-", *template, typed=text, code=2)
    assert why in ran.stderr
    assert ran.stderr.startswith("-: ")
    assert ran.stdout == ""


def test_what_is_missing_or_wrong_is_named(tmp_path: Path, template: tuple[str, str]) -> None:
    assert "Cannot read /nowhere" in run(SCRIPT, "file", "/nowhere", *template, code=2).stderr
    assert "Mars" in run(SCRIPT, "file", "-", *template, "--tz", "Mars", typed=LINES, code=2).stderr
    assert "FIREBELL_KEY" in run(SCRIPT, "firebell", "INC-1", *template, code=2).stderr
    assert "PAGERDUTY_TOKEN" in run(SCRIPT, "pagerduty", "P1", *template, code=2).stderr
    (tmp_path / "bad.csv").write_text("when,what\n")
    assert "columns time and text" in run(SCRIPT, "file", str(tmp_path / "bad.csv"), *template, code=2).stderr
    none = run(SCRIPT, "file", "-", "--template", "/nowhere.md", typed=LINES, code=2).stderr
    assert "Cannot read the template in /nowhere.md" in none
    (tmp_path / "template.md").write_text("# nothing")
    assert "has no template `postmortem`" in run(SCRIPT, "file", "-", *template, typed=LINES, code=2).stderr
    assert "timeline file" in run(SCRIPT, "--help", flags=("-I", "-S")).stdout


def entry(kind: str, at: str, summary: str, who: str = "Mara Lindqvist") -> dict[str, Any]:
    """Return a log entry as PagerDuty describes it."""
    agent = {"id": "PX", "type": "user_reference", "summary": who}
    return {"id": at, "type": f"{kind}_log_entry", "summary": summary, "created_at": at, "agent": agent}


def pagerduty_account() -> pd.PagerDuty:
    """Return an account whose incident was resolved, with more than a page of log."""
    account = pd.PagerDuty()
    account.incident["status"] = "resolved"
    account.entries = [
        entry("trigger", "2026-11-24T03:12:00Z", "Triggered through the API", "Checkout"),
        entry("acknowledge", "2026-11-24T03:14:30Z", "Acknowledged by Mara Lindqvist"),
        *(entry("notify", f"2026-11-24T03:13:{i % 60:02}Z", "Told by SMS") for i in range(150)),
        entry("acknowledge", "2026-11-24T03:18:00Z", "Acknowledged by Jun Okafor", "Jun Okafor"),
        entry("resolve", "2026-11-24T03:40:00Z", "Resolved by Mara Lindqvist"),
    ]
    user = {"id": "PX", "type": "user_reference", "summary": "Jun Okafor"}
    note = {"id": "PN", "created_at": "2026-11-24T03:20:00Z", "content": "Rolled | back", "user": user}
    account.notes = [note]
    return account


def test_an_incident_of_pagerduty_is_read_to_its_end(
    template: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAGERDUTY_TOKEN", pd.KEY)
    slept: list[float] = []
    with served(pagerduty_account()) as api:
        limited = Answer(429, {}, {"Retry-After": "9"})
        api.faults.extend([Fault(Answer(503)), Fault(), Fault(limited), Fault(lost=True)])
        args = ["pagerduty", "PGR0VU2", *template, "--pagerduty-api", api.url]
        assert module(SCRIPT).main(args, slept.append) == 0
        assert len([path for path in api.paths() if path.endswith("/log_entries")]) == 4
    assert slept == [1, 9, 2]
    out = capfd.readouterr().out
    assert out.startswith("# #2: Card payments fail\n\nP1 on 24 November 2026. Services: Checkout.")
    assert rows(out) == [
        ["2026-11-24 03:12", "Checkout", "Triggered through the API"],
        ["2026-11-24 03:14", "Mara Lindqvist", "Acknowledged by Mara Lindqvist"],
        ["2026-11-24 03:18", "Jun Okafor", "Acknowledged by Jun Okafor"],
        ["2026-11-24 03:20", "Jun Okafor", "Rolled \\| back"],
        ["2026-11-24 03:40", "Mara Lindqvist", "Resolved by Mara Lindqvist"],
    ]
    assert "- Time to acknowledge: 2 min" in out
    assert "- Detected to end of impact: 28 min" in out
    assert "- Detected to declared: not known" in out


def test_a_failing_service_is_reported_without_its_secret(
    template: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script, slept = module(SCRIPT), list[float]()
    with served(pagerduty_account()) as api:
        args = ["pagerduty", "PGR0VU2", *template, "--pagerduty-api", api.url]
        monkeypatch.setenv("PAGERDUTY_TOKEN", "wrong-secret")
        assert script.main(args, slept.append) == 1
        monkeypatch.setenv("PAGERDUTY_TOKEN", pd.KEY)
        assert script.main([args[0], "../users", *args[2:]], slept.append) == 1
        assert api.got[-1].path == "/incidents/..%2Fusers"
        api.faults.append(Fault(Answer(200, b"<html>")))
        assert script.main(args, slept.append) == 1
        api.faults.append(Fault(Answer(200, {"incident": {}})))
        assert script.main(args, slept.append) == 1
        assert slept == []
        # not before, since the answers above may take longer on a busy machine
        monkeypatch.setattr(script, "TIMEOUT_S", 0.05)
        api.faults.extend([Fault(delay_s=0.3)] * 5)
        assert script.main(args, slept.append) == 1
    assert slept == [1, 2, 4, 8]
    errors = capfd.readouterr().err
    for message in ("401", "404", "not JSON", "another shape", "ReadTimeout", "in 5 tries"):
        assert message in errors
    assert "secret" not in errors
    assert pd.KEY not in errors


def test_the_handbooks_own_template_is_filled_whole() -> None:
    out = run(SCRIPT, "file", "-", "--title", "Card payments fail", typed=LINES).stdout
    assert re.findall(r"^## (.+)$", out, re.M) == SECTIONS
    assert "{{" not in out
    assert module(SCRIPT).TEMPLATE == REAL


async def test_an_incident_of_a_real_firebell_becomes_a_document(
    dsn: str,
    clock: FakeClock,
    template: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with world(dsn, clock) as w, serve(dsn) as server, httpx.AsyncClient(base_url=server.url) as http:
        await w.alert("5xx above 5 %")
        await w.settle()
        clock.advance(timedelta(minutes=3))
        await w.ack(w.mara)
        key = await key_of(w.ctx.db, clock, w.mara)
        monkeypatch.setenv("FIREBELL_KEY", key)
        monkeypatch.setenv("FIREBELL_URL", server.url)
        api = Api(http, key)
        fields = {
            "severity": "SEV1",
            "services": ["checkout"],
            "page": (await w.page()).ref,
            "take_command": True,
        }
        made = await api("POST", "/incidents", {"title": "Card <payments> fail", **fields}, status=201)
        path = f"/incidents/{made['ref']}"
        for kind, text in (("finding", "Build | 4812"), ("mitigation", "Rolled back"), ("update", "Falls")):
            await api("POST", f"{path}/entries", {"kind": kind, "text": text}, status=201)
        mara, number_of = await w.actor(w.mara), int(made["ref"].removeprefix("INC-"))
        async with w.ctx.db.tx() as tx:
            for number in range(500):
                await incidents.add_entry(tx, mara, number_of, "note", f"note {number}", w.now)
        await api("POST", f"{path}/phase", {"phase": "monitoring"})
        await api("POST", f"{path}/severity", {"severity": "SEV2", "reason": "a test"}, status=200)
        await api("POST", f"{path}/phase", {"phase": "closed", "force": True, "reason": "a test"})

        async def script(*args: str) -> int:
            return int(await asyncio.to_thread(module(SCRIPT).main, [*args, *template], lambda _: None))

        assert await script("firebell", made["ref"]) == 0
        out = capfd.readouterr().out
        assert [r[2] for r in rows(out) if r[2].startswith("note ")] == [f"note {n}" for n in range(500)]
        assert out.startswith(f"# {made['ref']}: Card \\<payments> fail\n\nSEV1 on ")
        assert "Services: checkout." in out
        assert "- Build \\| 4812" in out
        assert "- Rolled back" in out
        assert "- Time to acknowledge: 3 min" in out
        assert "not known" not in out

        async def drafted() -> str:
            answer = await api.answer("GET", f"/post-mortems/{made['ref']}")
            return answer.json()["body"] if answer.status_code == 200 else ""

        product = await until(drafted, "the worker drafts the post-mortem")
        for measured in re.findall(r"^- (?:Detected|Declared) to .*$", product, re.M):
            assert measured in out

        assert await script("firebell", "INC-99") == 1
        monkeypatch.setenv("FIREBELL_KEY", "wrong")
        assert await script("firebell", made["ref"]) == 1
        errors = capfd.readouterr().err
        assert "404" in errors
        assert "401" in errors
