"""pagerduty-slack.py between a PagerDuty and a Slack that refuse what the real ones refuse."""

import asyncio
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

from tests.handbook.bridge import CHANNEL, ENV, SCRIPT, House, opened
from tests.handbook.readers import SKILL, run
from tests.handbook.stand_ins import pagerduty as pd
from tests.handbook.stand_ins import slack as sl
from tests.handbook.stand_ins.server import Answer, Fault, served
from tests.servers import answers, free_port


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def house() -> Iterator[House]:
    """The house with a state in memory."""
    with opened() as found:
        yield found


def test_an_incident_opens_a_channel_with_a_pinned_summary(house: House) -> None:
    assert house.happens("triggered").status_code == 202
    channel = house.channel()
    assert (channel.name, channel.members) == (CHANNEL, ["U0MARA"])
    assert channel.topic == "P1 · triggered · Card payments fail"
    (summary,) = channel.messages.values()
    assert channel.pins == [summary.ts]
    assert summary.words.startswith(
        "#2 Card payments fail\nStatus: triggered\nPriority: P1\nService: Checkout\n"
    )
    shown = summary.blocks[-1]["text"]["text"]
    assert "<https://acme.pagerduty.com/incidents/PGR0VU2|Open in PagerDuty>" in shown
    assert "<https://meet.example.org/room|War room>" in shown
    assert "<https://runbooks.example.org|Runbooks>" in shown


def test_what_happens_is_a_message_and_the_summary_changes_in_place(house: House) -> None:
    house.happens("triggered")
    house.happens("acknowledged", "2026-11-24T03:15:00Z")
    house.happens("annotated", "2026-11-24T03:16:00Z", content="Rolled *build* 4812 back")
    other = {"id": "PX", "summary": "P2"}
    house.happens("priority_updated", "2026-11-24T03:17:00Z", status="acknowledged", priority=other)
    house.happens("resolved", "2026-11-24T03:40:00Z")
    summary, *rest = house.words()
    assert "Status: resolved" in summary
    assert rest == [
        "Acknowledged, by Mara Lindqvist, 03:15 UTC",
        "Note, by Mara Lindqvist, 03:16 UTC\nRolled *build* 4812 back",
        "Priority changed: P2, by Mara Lindqvist, 03:17 UTC",
        "Resolved, by Mara Lindqvist, 03:40 UTC",
    ]
    assert (house.calls("conversations.create"), house.calls("pins.add")) == (1, 1)
    assert house.calls("conversations.invite") == 2


@pytest.mark.parametrize("header", ["", "v1=00", "v2=" + "0" * 64, "v1=é"])
def test_a_webhook_without_a_right_signature_is_refused(house: House, header: str) -> None:
    raw = header.encode("latin-1").decode("latin-1")
    if header == "v1=é":
        data = json.dumps(pd.webhook("triggered")).encode()
        headers = [(b"X-PagerDuty-Signature", raw.encode("latin-1"))]
        assert httpx.post(f"{house.url}/pagerduty", content=data, headers=headers).status_code == 401
    else:
        assert house.send(pd.webhook("triggered"), header).status_code == 401
    assert house.to_slack.got == []


def test_a_signature_over_another_body_is_refused(house: House) -> None:
    other = json.dumps(pd.webhook("resolved")).encode()
    assert house.send(pd.webhook("triggered"), pd.signature(other, pd.SECRET)).status_code == 401


def test_one_right_signature_of_several_is_enough(house: House) -> None:
    body = pd.webhook("triggered")
    data = json.dumps(body, ensure_ascii=False).encode()
    assert house.send(body, pd.signature(data, "the old secret", pd.SECRET)).status_code == 202
    assert house.channel().name == CHANNEL


def test_while_a_secret_is_rotated_both_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGERDUTY_WEBHOOK_SECRET", f"the next secret, {pd.SECRET}")
    with opened() as house:
        body = pd.webhook("triggered")
        data = json.dumps(body, ensure_ascii=False).encode()
        assert house.send(body).status_code == 202
        assert house.send(body, pd.signature(data, "the next secret")).status_code == 202


def test_the_same_event_is_done_once(house: House) -> None:
    house.happens("triggered")
    for _ in range(3):
        assert house.happens("acknowledged", "2026-11-24T03:15:00Z").status_code == 202
    assert len(house.words()) == 2


def test_an_event_that_comes_late_is_told_and_turns_nothing_back(house: House) -> None:
    house.happens("triggered")
    house.happens("resolved", "2026-11-24T03:40:00Z")
    house.happens("acknowledged", "2026-11-24T03:15:00Z")
    summary, _, late = house.words()
    assert "Status: resolved" in summary
    assert late == "Acknowledged, by Mara Lindqvist, 03:15 UTC (arrived late)"
    assert house.channel().topic.startswith("P1 · resolved")


def test_an_incident_that_is_over_before_it_is_known_opens_no_channel(house: House) -> None:
    house.happens("resolved", "2026-11-24T03:40:00Z")
    house.happens("triggered", "2026-11-24T03:12:00Z")
    assert house.slack.channels == {}


def test_only_the_priorities_that_are_asked_for_open_a_channel() -> None:
    with opened(priority=["P1"]) as house:
        low = {"id": "PX", "summary": "P3"}
        house.happens("triggered", priority=low)
        assert house.slack.channels == {}
        house.happens("priority_updated", "2026-11-24T03:20:00Z")
        assert house.channel().name == CHANNEL


def test_a_name_that_is_taken_gets_the_id_of_the_incident(house: House) -> None:
    house.slack.conversations_create({"name": CHANNEL})
    house.happens("triggered")
    assert house.slack.named(f"{CHANNEL}-pgr0vu2").pins


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
    house: House, title: str, name: str
) -> None:
    house.happens("triggered", title=title)
    house.happens("annotated", "2026-11-24T03:16:00Z", content=title * 10)
    assert house.channel().name == name
    assert len(house.words()) == 2


def test_what_people_write_pings_nobody(house: House) -> None:
    evil = "<!channel> <!here|x> <@U0JUN> <https://evil.example|click> &amp; *bold*"
    someone = [{"id": "PX", "summary": evil}]
    house.happens(
        "triggered", title=evil, service=someone[0], assignees=someone, html_url=f"https://a {evil}"
    )
    house.happens("annotated", "2026-11-24T03:16:00Z", content=evil)
    house.types("status")
    for message in house.channel().messages.values():
        assert message.pings == []
        assert "<!channel>" in message.words
    assert not set("<>") & set(house.channel().topic)


def test_a_rate_limit_is_waited_out_as_long_as_slack_asks(house: House) -> None:
    limited = Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "30"})
    house.to_slack.faults.append(Fault(limited))
    house.happens("triggered")
    ((due, tries),) = house.bridge.store.run("select due, tries from inbox")
    assert tries == 1
    assert 25 < due - time.time() <= 30
    house.later()
    assert house.channel().pins


@pytest.mark.parametrize("answer", [Answer(503, b"busy"), Answer(200, b"<html>")])
def test_an_outage_of_slack_is_waited_out_in_order_and_nothing_is_done_twice(
    house: House, answer: Answer
) -> None:
    house.happens("triggered")
    house.to_slack.faults.append(Fault(answer))
    house.happens("acknowledged", "2026-11-24T03:15:00Z")
    house.happens("resolved", "2026-11-24T03:40:00Z")
    assert len(house.words()) == 1
    assert "Status: triggered" in house.words()[0]
    house.later()
    summary, *rest = house.words()
    assert "Status: resolved" in summary
    assert [words.partition(",")[0] for words in rest] == ["Acknowledged", "Resolved"]


def test_a_slack_that_does_not_answer_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.bridge.web, "timeout", 0.2)
    house.to_slack.faults.append(Fault(Answer(503), delay_s=0.6))
    house.happens("triggered")
    assert "Cannot reach Slack" in house.bridge.store.run("select error from inbox")[0][0]
    house.later()
    assert house.channel().pins


def test_what_slack_refuses_for_good_is_given_up_and_said(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    refusal = {"ok": False, "error": "missing_scope", "needed": "channels:manage"}
    house.to_slack.faults.extend([Fault(Answer(200, refusal))] * 12)
    house.happens("triggered")
    for _ in range(12):
        house.later()
    said = capfd.readouterr().err
    assert "given up: Slack refused conversations.create: missing_scope (scope channels:manage)" in said
    assert house.calls("conversations.create") == 12
    assert sl.TOKEN not in said


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("ack", {"status": "acknowledged", "escalation_level": 1}),
        ("resolve", {"status": "resolved", "escalation_level": 1}),
        ("escalate 2", {"status": "triggered", "escalation_level": 2}),
    ],
)
def test_a_command_changes_the_incident_in_the_name_of_who_typed_it(
    house: House, text: str, after: dict[str, Any]
) -> None:
    house.happens("triggered")
    got = house.types(text)
    assert got.json() == {"response_type": "ephemeral", "text": f"Sending to PagerDuty: {text.split()[0]}."}
    assert {k: house.pagerduty.incident[k] for k in after} == after
    assert house.to_pagerduty.got[-1].headers["from"] == "mara@example.org"
    assert house.said.texts == [f"Done: {text.split()[0]}."]


def test_a_note_is_written_once_though_its_answer_is_lost(house: House) -> None:
    house.happens("triggered")
    house.to_pagerduty.faults.append(Fault(lost=True))
    house.types("note Rolled build 4812 back — täglich ✓")
    house.later()
    assert [n["content"] for n in house.pagerduty.notes] == ["Rolled build 4812 back — täglich ✓"]


def test_pagerduty_is_tried_again_after_errors(house: House) -> None:
    house.happens("triggered")
    house.to_pagerduty.faults.extend([Fault(Answer(500)), Fault(Answer(429, {}, {"Retry-After": "7"}))])
    house.types("ack")
    house.later()
    ((due,),) = house.bridge.store.run("select due from inbox where kind = 'command'")
    assert 5 < due - time.time() <= 7
    house.later()
    assert house.pagerduty.incident["status"] == "acknowledged"
    assert house.said.texts == ["Done: ack."]


def test_a_refusal_of_pagerduty_is_told_to_who_asked(house: House) -> None:
    house.happens("triggered")
    house.pagerduty.users = ("bridge@example.org",)
    house.types("ack")
    assert "Requester User Not Found" in house.said.texts[0]
    house.slack.users.pop("U0MARA")
    house.types("resolve")
    assert house.said.texts[1] == "Done: resolve."
    assert house.to_pagerduty.got[-1].headers["from"] == "bridge@example.org"


@pytest.mark.parametrize("wrong", [{"age_s": 301}, {"age_s": -400}, {"secret": "another"}])
def test_a_command_that_is_old_or_wrongly_signed_is_refused(house: House, wrong: dict[str, Any]) -> None:
    house.happens("triggered")
    assert house.types("resolve", **wrong).status_code == 401
    assert house.to_pagerduty.got == []


@pytest.mark.parametrize("header", ["", "soon", "1" * 400])
def test_a_command_with_an_odd_timestamp_is_refused(house: House, header: str) -> None:
    headers = {"X-Slack-Signature": "v0=1", "X-Slack-Request-Timestamp": header}
    got = httpx.post(f"{house.url}/slack/commands", content=b"text=ack", headers=headers)
    assert got.status_code == 401


def test_a_command_that_is_replayed_is_done_once(house: House) -> None:
    house.happens("triggered")
    fixed = time.time
    at = fixed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: at)
        house.types("note once")
        assert house.types("note once").json()["text"] == "This was sent before."
    assert len(house.pagerduty.notes) == 1


@pytest.mark.parametrize("text", ["", "ack now", "note  ", "escalate", "escalate x", "delete"])
def test_a_command_that_is_wrong_is_explained(house: House, text: str) -> None:
    house.happens("triggered")
    assert "Use `ack`" in house.types(text).json()["text"]
    assert "belongs to no incident" in house.types("ack", channel="C0OTHER").json()["text"]
    assert house.types("status").json()["text"] == "Card payments fail: triggered, P1."
    assert house.to_pagerduty.got == []


def test_without_its_secrets_the_way_back_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_SIGNING_SECRET", "PAGERDUTY_TOKEN", "PAGERDUTY_FROM"):
        monkeypatch.delenv(name)
    with opened() as house:
        house.happens("triggered")
        assert house.types("ack").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"event": {}}', 400), (b"x" * 600_000, 413)],
)
def test_a_body_that_cannot_be_read_is_refused(house: House, body: bytes, status: int) -> None:
    headers = {"X-PagerDuty-Signature": pd.signature(body, pd.SECRET)}
    try:
        assert httpx.post(f"{house.url}/pagerduty", content=body, headers=headers).status_code == status
    except httpx.WriteError:
        assert status == 413
    assert httpx.get(f"{house.url}/healthz").status_code == 200
    assert httpx.get(f"{house.url}/other").status_code == 404


def test_an_event_that_makes_no_sense_does_not_stop_the_others(house: House) -> None:
    house.send(pd.webhook("triggered", event="odd", more={"id": "PODD", "created_at": "yesterday"}))
    house.happens("triggered")
    assert house.channel().pins


def test_a_restart_resumes_where_it_stopped(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    with opened(state) as house:
        house.to_slack.faults.extend([Fault()] * 2 + [Fault(Answer(503))])
        house.happens("triggered")
        house.send(pd.webhook("acknowledged", "2026-11-24T03:15:00Z"), settle=False)
        before, slack = house.calls("chat.postMessage"), house.slack
        assert (before, house.channel().pins) == (1, [])
    assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0
    with opened(state) as house:
        house.slack.channels = slack.channels
        house.later()
        assert house.channel().pins
        assert [words.partition(",")[0] for words in house.words()[1:]] == ["Acknowledged"]
        assert (house.calls("conversations.create"), house.calls("chat.postMessage")) == (0, 1)


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
            deadline = time.monotonic() + 20
            while not any(c.topic for c in slack.channels.values()):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
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


def test_without_its_packages_it_says_what_to_install() -> None:
    ran = run(SCRIPT, flags=("-I", "-S"), code=1)
    assert "pip install httpx slack-sdk" in ran.stderr
