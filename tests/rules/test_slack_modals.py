"""Every form and answer is within Slack's limits, whatever people wrote, and each limit is one that we check."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from firebell.chat.intents import button_values
from firebell.chat.intents.captured_messages import CapturedMessage, kind_of_emoji, sent_at
from firebell.chat.intents.model import AddEntry, ChatTarget, OpenModal
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.slack import limits, modals, payloads, reply_blocks
from firebell.chat.slack.capture_modal import capture_view
from firebell.chat.slack.task_modal import task_view
from firebell.incidents.severity import QUESTIONS

LONG = st.text(alphabet=st.sampled_from("aü支🔥<&\n"), max_size=4000)
MODALS = [
    *(OpenModal(name, 7) for name in ("update", "note", "finding", "decision", "mitigation", "severity")),
    *(OpenModal(name, 7) for name in ("role", "dismiss", "force-closed", "page", "resolve")),
    OpenModal("page", target=ChatTarget("user", "U1")),
    OpenModal("page", target=ChatTarget("name", "payments")),
    OpenModal("declare", severity=1),
    OpenModal("declare", title="Customer data leaked", private=True),
]


def accepted(view: dict[str, Any]) -> bool:
    """Return True if our limits and Slack's own models accept a view."""
    for block in Block.parse_all(view["blocks"]):
        block.validate_json()
    return limits.view_problems(view) == []


@pytest.mark.parametrize("intent", MODALS, ids=lambda m: m.name)
def test_every_form_is_accepted(intent: OpenModal) -> None:
    view = modals.view_for(intent)
    assert view is not None
    assert accepted(view)


@given(
    LONG,
    LONG,
    st.dictionaries(st.sampled_from([q.name for q in QUESTIONS]), st.sampled_from([True, False, None])),
)
def test_the_form_that_declares_is_accepted_with_any_text_and_answers(
    title: str, summary: str, answers: dict[str, bool | None]
) -> None:
    services = [(str(i), "支" * 200) for i in range(1, 101)]
    form = modals.DeclareForm(title, answers, 1, services, summary, command=True, drill=True, page=7)
    assert accepted(modals.declare_view(form))
    assert accepted(modals.declare_view(modals.DeclareForm(title, answers)))
    message = CapturedMessage("C1", "1.2", "U1", summary)
    choices = [(i, title or "x") for i in range(1, 150)]
    assert accepted(capture_view(message, None, choices))
    assert accepted(task_view(summary, None, choices))
    assert accepted(task_view(title, 7))
    assert accepted(modals.notice_view("Declared", title or "x", "https://firebell.example/incidents/INC-1"))


@given(LONG, st.integers(0, 30))
def test_every_answer_is_accepted(text: str, number: int) -> None:
    button = ReplyButton(text[:200] or "x", AddEntry(7, "note", text or "x"), danger=True)
    link = ReplyButton("Open room", url="https://firebell.example/" + "x" * 4000)
    message = reply_blocks.ephemeral(Reply(text, (button, link) * number))
    assert limits.message_problems(message) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"blocks": [{"type": "divider"}] * 51},
        {"blocks": [{"type": "section", "text": {"type": "plain_text", "text": ""}}]},
        {"blocks": [{"type": "section", "text": {"type": "plain_text", "text": "🔥" * 1501}}]},
        {"blocks": [{"type": "section"}]},
        {"blocks": [{"type": "unknown"}]},
        {"blocks": [{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}]},
        {"blocks": [{"type": "divider", "block_id": "b" * 256}]},
        {"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]},
        {"blocks": [{"type": "actions", "elements": []}]},
        {"text": "x" * 3001},
        *(
            {"blocks": [{"type": "actions", "elements": [element]}]}
            for element in (
                {"type": "button", "action_id": "a", "text": {"text": "x" * 76}},
                {"type": "button", "action_id": "a", "text": {"text": "x"}, "value": "x" * 2001},
                {"type": "button", "action_id": "a", "text": {"text": "x"}, "url": "x" * 3001},
                {"type": "button", "action_id": "a", "text": {"text": "x"}, "style": "big"},
                {"type": "button", "action_id": "", "text": {"text": "x"}},
                {"type": "static_select", "action_id": "a", "options": []},
                {
                    "type": "static_select",
                    "action_id": "a",
                    "options": [{"text": {"text": "x"}, "value": "x"}] * 101,
                },
                {
                    "type": "overflow",
                    "action_id": "a",
                    "options": [{"text": {"text": "x"}, "value": "x"}] * 6,
                },
                {
                    "type": "checkboxes",
                    "action_id": "a",
                    "options": [{"text": {"text": "x"}, "value": "x" * 76}],
                },
                {"type": "slider", "action_id": "a"},
            )
        ),
    ],
)
def test_a_message_that_slack_refuses_is_never_sent(wrong: dict[str, Any]) -> None:
    assert limits.message_problems(wrong) != []


@pytest.mark.parametrize(
    "change",
    [
        {"title": {"type": "plain_text", "text": "x" * 25}},
        {"title": {"type": "mrkdwn", "text": "x"}},
        {"private_metadata": "x" * 3001},
        {"blocks": [{"type": "divider"}] * 101},
    ],
)
def test_a_view_that_slack_refuses_is_never_sent(change: dict[str, Any]) -> None:
    view = modals.view_for(OpenModal("dismiss", 7))
    assert view is not None
    assert limits.view_problems({**view, **change}) != []
    assert limits.view_problems({name: each for name, each in view.items() if name != "submit"}) != []


@given(
    st.binary(max_size=300), st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""])
)
def test_any_body_is_read_without_an_error(body: bytes, kind: str) -> None:
    payload = payloads.read(body.decode(errors="replace").encode(), kind)
    assert payload.key


@given(st.text(), st.text())
def test_any_button_value_is_read_without_an_error(action_id: str, value: str) -> None:
    for name in (action_id, "fb_run_0", "fb_page_ack", "fb_run_more"):
        button_values.decode(name, value)


def test_text_that_nothing_can_store_is_replaced() -> None:
    body = b'{"type":"event_callback","event_id":"E","event":{"type":"message","text":"a\\u0000b\\ud800c"}}'
    payload = payloads.read(body, "application/json")
    assert payloads.text_at(payload.data, "event", "text") == "a\ufffdb\ufffdc"


def test_an_emoji_means_the_same_in_any_skin_tone_and_a_time_that_is_none_is_now() -> None:
    now = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
    assert (kind_of_emoji("bulb::skin-tone-5"), kind_of_emoji("tada")) == ("finding", None)
    stamp = str(int(now.timestamp()))
    assert sent_at(f"{stamp}.000000", now) == now
    assert [sent_at(ts, now) for ts in ("", "x", f"{stamp}.1", "99999999999.000000", "1.000000")] == [now] * 5
