"""Every message is one that Slack accepts, whatever people wrote."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.chat.adapter_base.markdown_text import markdown
from firebell.chat.adapter_base.message_model import Button, Content, Link, Quote, clip, utf16_length
from firebell.chat.discord.client import MAX_CHARS
from firebell.chat.facts import PageFacts
from firebell.chat.google_chat import client as google_chat
from firebell.chat.microsoft_teams import cards
from firebell.chat.mirror import messages as mirror_messages
from firebell.chat.slack import blocks
from tests.rules.test_chat_mirror import FACTS, MARA, NOW, entries
from tests.standins.slack.block_rules import Refused, check

LONG = "🔥é<!channel>&*_~`" * 700
PAGE = PageFacts(
    id=77,
    version=12,
    title="5xx above 5%",
    severity=1,
    urgency="high",
    state="triggered",
    service="checkout",
    service_ids=frozenset(),
    team_ids=frozenset(),
    triggered_at=NOW,
    acked_at=None,
    resolved_at=None,
    owners=(),
    on_call=("Priya",),
    level=0,
    levels=3,
    next_level_at=NOW + timedelta(minutes=5),
    alerts=("5xx ratio 18%",),
    runbook_url="https://runbooks.example.org",
    url="https://firebell.example.org/pages/PG-77",
    base_url="https://firebell.example.org",
    tz="UTC",
)


def _messages(text: str, count: int) -> list[Content]:
    facts = replace(
        FACTS,
        title=text or "x",
        impact=text,
        meaning=text,
        template=text,
        last_update=text,
        services=(text,) * count,
        runbooks=((text, "https://runbooks.example.org"),) * count,
        commander=replace(MARA, name=text or "x"),
        closed_at=NOW,
    )
    many = tuple(replace(entry, text=text, actor=text or "x") for entry in entries(max(1, count)))
    page = replace(PAGE, title=text or "x", alerts=(text,) * count, owners=(text,) * count, service=text)
    return [
        mirror_messages.summary(facts, "https://meet.example.org"),
        mirror_messages.update_template(facts),
        mirror_messages.entry(many[0], "UTC"),
        mirror_messages.entries_digest(many, "UTC", late=False),
        mirror_messages.entries_digest(many * 4, "UTC", late=True),
        mirror_messages.announcement(facts, text, "https://slack.example.org"),
        mirror_messages.announced_update(many[0], "UTC"),
        mirror_messages.lost_room(facts),
        mirror_messages.update_reminder(facts, NOW, overdue=True, mentions=("U123",)),
        mirror_messages.missing_roles(replace(facts, late_roles=(text,) * count)),
        mirror_messages.closing_poll(facts, timedelta(minutes=30)),
        mirror_messages.closed(facts),
        *(
            mirror_messages.page_message(replace(page, state=s))
            for s in ("triggered", "acked", "snoozed", "resolved")
        ),
        mirror_messages.storm([page] * max(1, count), "https://firebell.example.org"),
    ]


@pytest.mark.parametrize("count", [0, 1, 100])
@pytest.mark.parametrize("text", ["", "x", LONG], ids=["empty", "short", "long"])
def test_every_message_is_within_slacks_limits(text: str, count: int) -> None:
    for content in _messages(text, count):
        for plain in (False, True):
            check(blocks.render(content, plain=plain).payload)


@given(st.text(max_size=400))
def test_text_that_people_wrote_neither_mentions_nor_links(text: str) -> None:
    for content in _messages(text, 2):
        payload = blocks.render(content).payload
        marked = [
            part["text"]
            for block in payload["blocks"]  # type: ignore[attr-defined] # a list of blocks
            for part in (block.get("text"), *block.get("fields", []), *block.get("elements", []))
            if isinstance(part, dict) and part.get("type") == "mrkdwn"
        ]
        for markup in [*marked, str(payload["text"])]:
            assert "<!" not in markup
            assert (
                markup.count("<@") == len(content.mentions) if markup.startswith("<@") else "<@" not in markup
            )


def test_buttons_stay_when_a_message_is_cut() -> None:
    content = Content("x", paragraphs=("y" * 2900,) * 80, buttons=(Button("Update", "fb_run_update"),))
    shown = blocks.blocks(content)

    assert len(shown) == 50
    assert shown[-1]["elements"][0]["action_id"] == "fb_run_update"


def test_a_page_never_shows_more_than_four_buttons() -> None:
    for state in ("triggered", "acked", "snoozed", "resolved"):
        assert len(mirror_messages.page_message(replace(PAGE, state=state)).buttons) <= 4


def test_bug_a_page_that_one_of_two_people_acknowledged_looked_untouched() -> None:
    half = replace(PAGE, acks=1, acks_required=2, owners=("Mara",))
    statuses = [mirror_messages.page_message(page).status for page in (PAGE, half, replace(half, owners=()))]
    assert ["Mara" in status for status in statuses] == [False, True, False]
    assert ["1 of 2" in status for status in statuses] == [False, True, True]
    assert mirror_messages.page_message(half).buttons[0].label == "Acknowledge"


def test_the_stand_in_refuses_what_slack_refuses() -> None:
    section = {"type": "section", "text": {"type": "plain_text", "text": "x"}}
    wrong: list[dict[str, object]] = [
        {"text": ""},
        {"text": "x" * 4001},
        {"text": "x", "blocks": [section] * 51},
        {"text": "x", "blocks": [{"type": "section"}]},
        {"text": "x", "blocks": [{"type": "section", "text": {"type": "plain_text", "text": ""}}]},
        {"text": "x", "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "x" * 3001}}]},
        {"text": "x", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]},
        {"text": "x", "blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}]},
        {"text": "x", "blocks": [{"type": "context", "elements": []}]},
        {"text": "x", "blocks": [_actions("x" * 76)]},
        {"text": "x", "blocks": [_actions("x", value="v" * 2001)]},
        {"text": "x", "blocks": [_actions("x", style="loud")]},
        {"text": "x", "blocks": [_actions("x"), _actions("x")]},
    ]
    for arguments in wrong:
        with pytest.raises(Refused):
            check(arguments)


def _actions(label: str, **more: str) -> dict[str, object]:
    button = {"type": "button", "text": {"type": "plain_text", "text": label}, "action_id": "a", **more}
    return {"type": "actions", "elements": [button]}


@given(st.text(max_size=300), st.integers(1, 100))
def test_clipped_text_fits(text: str, limit: int) -> None:
    assert utf16_length(clip(text, limit)) <= limit


def test_other_chats_get_messages_within_their_limits() -> None:
    import json

    for content in _messages(LONG, 100):
        assert len(markdown(content, MAX_CHARS)) <= MAX_CHARS or content.links
        assert len(json.dumps(cards.message(content), ensure_ascii=False).encode()) <= cards.MAX_BYTES
        assert len(google_chat.render(content).encode()) <= google_chat.MAX_BYTES


def test_markdown_shows_what_people_wrote_and_mentions_no_one() -> None:
    text = markdown(Content("x", paragraphs=("@channel *now* [x](http://e.example)",)), 1000)

    assert "@channel" not in text
    assert "[x](" not in text
    assert "\\*now\\*" in text


def test_links_and_quotes_are_kept() -> None:
    content = Content("x", title="t", quote=Quote("q", "h"), links=(Link("Room", "https://x.example/1"),))

    assert "[Room](https://x.example/1)" in markdown(content, 1000)
    assert "> q" in markdown(content, 1000)
    assert "<https://x.example/1|Room>" in str(blocks.blocks(content))
