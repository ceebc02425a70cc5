"""pagerduty-slack.py with stand-ins of PagerDuty and Slack that refuse what the real ones refuse."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.handbook.bridge import CHANNEL, ENV, SCRIPT, Stack, opened
from tests.handbook.readers import SKILL, run
from tests.handbook.stand_ins import pagerduty as pd
from tests.handbook.stand_ins import slack as sl
from tests.handbook.stand_ins.server import Answer, Fault, served
from tests.servers import answers, free_port, until


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def stack() -> Iterator[Stack]:
    """The stack with a state in memory."""
    with opened() as running:
        yield running


def test_an_incident_opens_a_channel_with_a_pinned_summary(stack: Stack) -> None:
    assert stack.happens("triggered").status_code == 202
    channel = stack.channel()
    assert (channel.name, channel.members) == (CHANNEL, ["U0MARA"])
    assert channel.topic == "P1 · triggered · Card payments fail"
    (summary,) = channel.messages.values()
    assert channel.pins == [summary.ts]
    assert summary.visible_text.startswith(
        "#2 Card payments fail\nStatus: triggered\nPriority: P1\nService: Checkout\n"
    )
    shown = summary.blocks[-1]["text"]["text"]
    assert "<https://acme.pagerduty.com/incidents/PGR0VU2|Open in PagerDuty>" in shown
    assert "<https://meet.example.org/room|War room>" in shown
    assert "<https://runbooks.example.org|Runbooks>" in shown


def test_what_happens_is_a_message_and_the_summary_changes_in_place(stack: Stack) -> None:
    stack.happens("triggered")
    stack.happens("acknowledged", "2026-11-24T03:15:00Z")
    stack.happens("annotated", "2026-11-24T03:16:00Z", content="Rolled *build* 4812 back")
    other = {"id": "PX", "summary": "P2"}
    stack.happens("priority_updated", "2026-11-24T03:17:00Z", status="acknowledged", priority=other)
    stack.happens("resolved", "2026-11-24T03:40:00Z")
    summary, *rest = stack.texts()
    assert "Status: resolved" in summary
    assert rest == [
        "Acknowledged, by Mara Lindqvist, 03:15 UTC",
        "Note, by Mara Lindqvist, 03:16 UTC\nRolled *build* 4812 back",
        "Priority changed: P2, by Mara Lindqvist, 03:17 UTC",
        "Resolved, by Mara Lindqvist, 03:40 UTC",
    ]
    assert (stack.calls("conversations.create"), stack.calls("pins.add")) == (1, 1)
    assert stack.calls("conversations.invite") == 2


@pytest.mark.parametrize("header", ["", "v1=00", "v2=" + "0" * 64, "v1=é"])
def test_a_webhook_without_a_right_signature_is_refused(stack: Stack, header: str) -> None:
    raw = header.encode("latin-1").decode("latin-1")
    if header == "v1=é":
        data = json.dumps(pd.webhook("triggered")).encode()
        headers = [(b"X-PagerDuty-Signature", raw.encode("latin-1"))]
        assert httpx.post(f"{stack.url}/pagerduty", content=data, headers=headers).status_code == 401
    else:
        assert stack.send(pd.webhook("triggered"), header).status_code == 401
    assert stack.to_slack.got == []


def test_a_signature_over_another_body_is_refused(stack: Stack) -> None:
    other = json.dumps(pd.webhook("resolved")).encode()
    assert stack.send(pd.webhook("triggered"), pd.signature(other, pd.SECRET)).status_code == 401


def test_one_right_signature_of_several_is_enough(stack: Stack) -> None:
    body = pd.webhook("triggered")
    data = json.dumps(body, ensure_ascii=False).encode()
    assert stack.send(body, pd.signature(data, "the old secret", pd.SECRET)).status_code == 202
    assert stack.channel().name == CHANNEL


def test_during_a_rotation_both_secrets_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGERDUTY_WEBHOOK_SECRET", f"the next secret, {pd.SECRET}")
    with opened() as stack:
        body = pd.webhook("triggered")
        data = json.dumps(body, ensure_ascii=False).encode()
        assert stack.send(body).status_code == 202
        assert stack.send(body, pd.signature(data, "the next secret")).status_code == 202


def test_the_same_event_is_done_once(stack: Stack) -> None:
    stack.happens("triggered")
    for _ in range(3):
        assert stack.happens("acknowledged", "2026-11-24T03:15:00Z").status_code == 202
    assert len(stack.texts()) == 2


def test_a_late_event_is_recorded_and_reverts_nothing(stack: Stack) -> None:
    stack.happens("triggered")
    stack.happens("resolved", "2026-11-24T03:40:00Z")
    stack.happens("acknowledged", "2026-11-24T03:15:00Z")
    summary, _, late = stack.texts()
    assert "Status: resolved" in summary
    assert late == "Acknowledged, by Mara Lindqvist, 03:15 UTC (arrived late)"
    assert stack.channel().topic.startswith("P1 · resolved")


def test_an_incident_that_is_over_before_it_is_known_opens_no_channel(stack: Stack) -> None:
    stack.happens("resolved", "2026-11-24T03:40:00Z")
    stack.happens("triggered", "2026-11-24T03:12:00Z")
    assert stack.slack.channels == {}


def test_only_the_priorities_that_are_asked_for_open_a_channel() -> None:
    with opened(priority=["P1"]) as stack:
        low = {"id": "PX", "summary": "P3"}
        stack.happens("triggered", priority=low)
        assert stack.slack.channels == {}
        stack.happens("priority_updated", "2026-11-24T03:20:00Z")
        assert stack.channel().name == CHANNEL


def test_a_name_that_is_taken_gets_the_id_of_the_incident(stack: Stack) -> None:
    stack.slack.conversations_create({"name": CHANNEL})
    stack.happens("triggered")
    assert stack.slack.named(f"{CHANNEL}-pgr0vu2").pins


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Ünïcode & Zahlungen: 5 % täglich!", "incident-2026-11-24-unicode-zahlungen-5-taglich"),
        ("決済が失敗する", "incident-2026-11-24-pgr0vu2"),
        ("x" * 5000, "incident-2026-11-24-" + "x" * 60),
        ("a " * 200, ("incident-2026-11-24-" + "a-" * 30).rstrip("-")),
    ],
)
def test_any_title_makes_a_channel_and_a_message_that_slack_takes(
    stack: Stack, title: str, name: str
) -> None:
    stack.happens("triggered", title=title)
    stack.happens("annotated", "2026-11-24T03:16:00Z", content=title * 10)
    assert stack.channel().name == name
    assert len(stack.texts()) == 2


def test_text_that_people_write_mentions_no_one_in_slack(stack: Stack) -> None:
    evil = "<!channel> <!here|x> <@U0JUN> <https://evil.example|click> &amp; *bold*"
    someone = [{"id": "PX", "summary": evil}]
    stack.happens(
        "triggered", title=evil, service=someone[0], assignees=someone, html_url=f"https://a {evil}"
    )
    stack.happens("annotated", "2026-11-24T03:16:00Z", content=evil)
    stack.types("status")
    for message in stack.channel().messages.values():
        assert message.pings == []
        assert "<!channel>" in message.visible_text
    assert not set("<>") & set(stack.channel().topic)


def test_a_rate_limit_is_waited_out_as_long_as_slack_asks(stack: Stack) -> None:
    limited = Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "30"})
    stack.to_slack.faults.append(Fault(limited))
    before = time.time()
    stack.happens("triggered")
    ((due, tries),) = stack.bridge.store.run("select due, tries from inbox")
    assert tries == 1
    assert before + 30 <= due <= time.time() + 30
    stack.later()
    assert stack.channel().pins


@pytest.mark.parametrize("answer", [Answer(503, b"busy"), Answer(200, b"<html>")])
def test_an_outage_of_slack_is_waited_out_in_order_and_nothing_is_done_twice(
    stack: Stack, answer: Answer
) -> None:
    stack.happens("triggered")
    stack.to_slack.faults.append(Fault(answer))
    stack.happens("acknowledged", "2026-11-24T03:15:00Z")
    stack.happens("resolved", "2026-11-24T03:40:00Z")
    assert len(stack.texts()) == 1
    assert "Status: triggered" in stack.texts()[0]
    stack.later()
    summary, *rest = stack.texts()
    assert "Status: resolved" in summary
    assert [text.partition(",")[0] for text in rest] == ["Acknowledged", "Resolved"]


def test_a_slack_that_does_not_answer_is_tried_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(stack.bridge.web, "timeout", 0.2)
        stack.to_slack.faults.append(Fault(Answer(503), delay_s=0.6))
        stack.happens("triggered")
    assert "Cannot reach Slack" in stack.bridge.store.run("select error from inbox")[0][0]
    stack.later()
    assert stack.channel().pins


def test_a_permanent_refusal_by_slack_is_reported(stack: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    refusal = {"ok": False, "error": "missing_scope", "needed": "channels:manage"}
    stack.to_slack.faults.extend([Fault(Answer(200, refusal))] * 12)
    stack.happens("triggered")
    for _ in range(12):
        stack.later()
    errors = capfd.readouterr().err
    assert "given up: Slack refused conversations.create: missing_scope (scope channels:manage)" in errors
    assert stack.calls("conversations.create") == 12
    assert sl.TOKEN not in errors


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("ack", {"status": "acknowledged", "escalation_level": 1}),
        ("resolve", {"status": "resolved", "escalation_level": 1}),
        ("escalate 2", {"status": "triggered", "escalation_level": 2}),
    ],
)
def test_a_command_changes_the_incident_in_the_name_of_who_typed_it(
    stack: Stack, text: str, after: dict[str, Any]
) -> None:
    stack.happens("triggered")
    got = stack.types(text)
    assert got.json() == {"response_type": "ephemeral", "text": f"Sending to PagerDuty: {text.split()[0]}."}
    assert {k: stack.pagerduty.incident[k] for k in after} == after
    assert stack.to_pagerduty.got[-1].headers["from"] == "mara@example.org"
    assert stack.said.texts == [f"Done: {text.split()[0]}."]


def test_a_note_is_written_once_though_its_answer_is_lost(stack: Stack) -> None:
    stack.happens("triggered")
    stack.to_pagerduty.faults.append(Fault(lost=True))
    stack.types("note Rolled build 4812 back — täglich ✓")
    stack.later()
    assert [n["content"] for n in stack.pagerduty.notes] == ["Rolled build 4812 back — täglich ✓"]


def test_pagerduty_is_tried_again_after_errors(stack: Stack) -> None:
    stack.happens("triggered")
    stack.to_pagerduty.faults.extend([Fault(Answer(500)), Fault(Answer(429, {}, {"Retry-After": "7"}))])
    stack.types("ack")
    before = time.time()
    stack.later()
    ((due,),) = stack.bridge.store.run("select due from inbox where kind = 'command'")
    assert before + 7 <= due <= time.time() + 7
    stack.later()
    assert stack.pagerduty.incident["status"] == "acknowledged"
    assert stack.said.texts == ["Done: ack."]


def test_a_refusal_of_pagerduty_is_shown_to_the_person_who_asked(stack: Stack) -> None:
    stack.happens("triggered")
    stack.pagerduty.users = ("bridge@example.org",)
    stack.types("ack")
    assert "Requester User Not Found" in stack.said.texts[0]
    stack.slack.users.pop("U0MARA")
    stack.types("resolve")
    assert stack.said.texts[1] == "Done: resolve."
    assert stack.to_pagerduty.got[-1].headers["from"] == "bridge@example.org"


@pytest.mark.parametrize("wrong", [{"age_s": 301}, {"age_s": -400}, {"secret": "another"}])
def test_a_command_that_is_old_or_wrongly_signed_is_refused(stack: Stack, wrong: dict[str, Any]) -> None:
    stack.happens("triggered")
    assert stack.types("resolve", **wrong).status_code == 401
    assert stack.to_pagerduty.got == []


@pytest.mark.parametrize("header", ["", "soon", "1" * 400])
def test_a_command_with_an_odd_timestamp_is_refused(stack: Stack, header: str) -> None:
    headers = {"X-Slack-Signature": "v0=1", "X-Slack-Request-Timestamp": header}
    got = httpx.post(f"{stack.url}/slack/commands", content=b"text=ack", headers=headers)
    assert got.status_code == 401


def test_a_command_that_is_replayed_is_done_once(stack: Stack) -> None:
    stack.happens("triggered")
    fixed = time.time
    at = fixed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: at)
        stack.types("note once")
        assert stack.types("note once").json()["text"] == "This was sent before."
    assert len(stack.pagerduty.notes) == 1


@pytest.mark.parametrize("text", ["", "ack now", "note  ", "escalate", "escalate x", "delete"])
def test_a_command_that_is_wrong_is_explained(stack: Stack, text: str) -> None:
    stack.happens("triggered")
    assert "Use `ack`" in stack.types(text).json()["text"]
    assert "belongs to no incident" in stack.types("ack", channel="C0OTHER").json()["text"]
    assert stack.types("status").json()["text"] == "Card payments fail: triggered, P1."
    assert stack.to_pagerduty.got == []


def test_without_its_secrets_the_webhook_server_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_SIGNING_SECRET", "PAGERDUTY_TOKEN", "PAGERDUTY_FROM"):
        monkeypatch.delenv(name)
    with opened() as stack:
        stack.happens("triggered")
        assert stack.types("ack").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"event": {}}', 400), (b"x" * 600_000, 413)],
)
def test_a_body_that_cannot_be_read_is_refused(stack: Stack, body: bytes, status: int) -> None:
    headers = {"X-PagerDuty-Signature": pd.signature(body, pd.SECRET)}
    try:
        assert httpx.post(f"{stack.url}/pagerduty", content=body, headers=headers).status_code == status
    except httpx.WriteError:
        assert status == 413
    assert httpx.get(f"{stack.url}/healthz").status_code == 200
    assert httpx.get(f"{stack.url}/other").status_code == 404


def test_an_event_that_makes_no_sense_does_not_stop_the_others(stack: Stack) -> None:
    stack.send(pd.webhook("triggered", event="odd", more={"id": "PODD", "created_at": "yesterday"}))
    stack.happens("triggered")
    assert stack.channel().pins


def test_a_restart_resumes_where_it_stopped(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    with opened(state) as stack:
        stack.to_slack.faults.extend([Fault()] * 2 + [Fault(Answer(503))])
        stack.happens("triggered")
        stack.send(pd.webhook("acknowledged", "2026-11-24T03:15:00Z"), settle=False)
        before, slack = stack.calls("chat.postMessage"), stack.slack
        assert (before, stack.channel().pins) == (1, [])
    assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0
    with opened(state) as stack:
        stack.slack.channels = slack.channels
        stack.later()
        assert stack.channel().pins
        assert [text.partition(",")[0] for text in stack.texts()[1:]] == ["Acknowledged"]
        assert (stack.calls("conversations.create"), stack.calls("chat.postMessage")) == (0, 1)


async def test_it_serves_as_a_program_and_loses_nothing_when_killed(tmp_path: Path) -> None:
    port, slack = free_port(), sl.Slack()
    with served(slack) as to_slack:
        to_slack.faults.extend([Fault(Answer(503))] * 2)
        command = [sys.executable, str(SKILL / SCRIPT), "--listen", f"127.0.0.1:{port}"]
        command += ["--state", str(tmp_path / "state.db"), "--slack-api", f"{to_slack.url}/api/"]

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(command, env={**os.environ, **ENV}, stderr=subprocess.DEVNULL)

        process = start()
        try:
            await answers(f"http://127.0.0.1:{port}/healthz")
            data = json.dumps(pd.webhook("triggered")).encode()
            async with httpx.AsyncClient() as http:
                headers = {"X-PagerDuty-Signature": pd.signature(data, pd.SECRET)}
                got = await http.post(f"http://127.0.0.1:{port}/pagerduty", content=data, headers=headers)
            assert got.json() == {"taken": True}
            process.kill()
            process.wait()
            process = start()

            async def caught_up() -> bool:
                return any(c.topic for c in slack.channels.values())

            await until(caught_up, "the second process does the rest")
        finally:
            process.kill()
            process.wait()
    assert [c.name for c in slack.channels.values()] == [CHANNEL]


def test_a_dry_run_sends_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    saved = tmp_path / "event.json"
    saved.write_text(json.dumps(pd.webhook("triggered")))
    with served(sl.Slack()) as to_slack:
        state = tmp_path / "state.db"
        ran = run(
            SCRIPT,
            *("--dry-run", "--replay", str(saved), "--state", str(state)),
            *("--slack-api", f"{to_slack.url}/api/"),
        )
        assert to_slack.got == []
    assert [json.loads(line)["slack"] for line in ran.stdout.splitlines()] == [
        "conversations.create",
        "chat.postMessage",
        "pins.add",
        "conversations.setTopic",
    ]
    assert not state.exists()


def test_what_is_missing_or_wrong_is_named(tmp_path: Path) -> None:
    ran = run(SCRIPT, env={"SLACK_BOT_TOKEN": "x", "PAGERDUTY_TOKEN": "y"}, code=2)
    assert "PAGERDUTY_WEBHOOK_SECRET, SLACK_SIGNING_SECRET, PAGERDUTY_FROM" in ran.stderr
    assert "No such file" in run(SCRIPT, "--dry-run", "--replay", "/nowhere.json", code=2).stderr
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert f"Cannot read {broken}" in run(SCRIPT, "--dry-run", "--replay", str(broken), code=2).stderr
    assert "environment:" in run(SCRIPT, "--help").stdout


def test_missing_packages_are_named() -> None:
    ran = run(SCRIPT, flags=("-I", "-S"), code=1)
    assert "pip install httpx slack-sdk" in ran.stderr
