"""Pages at nearly the same time are one text message or call (spec 2.4 and 10.4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.channels.base import Action, Message
from firebell.channels.phone import gsm7, sms_text, voice_script
from firebell.notify import bundle_store, page_bundles
from firebell.notify.bundled_message import bundled, by_severity
from firebell.notify.model import REMINDER, Delivery, DeliveryState
from tests.rules.budget import examples

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
INBOX = "https://fb.example/pages"
MOBILE = "+4915123456789"
WILD = st.text(st.characters(codec="utf-8"), max_size=300)
NEW = Delivery(
    id=1,
    subject_kind="page",
    subject_id=1,
    epoch=1,
    level=0,
    round=0,
    person_id=1,
    method_id=7,
    rank=1,
    reason="page",
    channel="sms",
    address=MOBILE,
    idempotency_key="k",
    state=DeliveryState.SENDING,
    send_at=NOW,
    attempts=1,
    error=None,
    created_at=NOW,
    sent_at=None,
)
AGO = NOW - timedelta(seconds=20)


def page(number: int, title: str = "disk full", **more: object) -> Message:
    values: dict[str, object] = {
        "event": "page",
        "title": title or "x",
        "headline": f"SEV2 checkout: {title}",
        "urgency": "high",
        "composed_at": NOW,
        "ref": f"PG-{number}",
        "url": f"https://fb.example/pages/PG-{number}",
        "actions": (Action("Acknowledge", "https://fb.example/ack/t"),),
        "data": {"severity": 2, "service": "checkout"},
        "reply_code": number % 1000,
    }
    return Message(**{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "latest", "is_sent_now"),
    [
        ({}, {}, True),
        ({}, {8: AGO}, True),
        ({}, {7: AGO}, False),
        ({"rank": 2}, {7: AGO}, False),
        ({"reason": REMINDER}, {7: AGO}, False),
        # the most severe, an alarm, what waited before, and what may have been sent already
        ({"rank": 0}, {7: AGO}, True),
        ({"reason": "alarm"}, {7: AGO}, True),
        ({"bundle_wait": True}, {7: AGO}, True),
        ({"attempts": 2}, {7: AGO}, True),
        ({"lost_claims": 1}, {7: AGO}, True),
        ({"bundle_id": 1}, {7: AGO}, True),
    ],
)
def test_only_what_follows_a_message_waits_and_never_what_is_severe(
    more: dict[str, object], latest: dict[int, datetime], is_sent_now: bool
) -> None:
    delivery = replace(NEW, **more)  # type: ignore[arg-type]
    expected = {} if is_sent_now else {1: AGO + page_bundles.WINDOW}
    assert page_bundles.waits([delivery], latest) == expected


def test_what_could_wait_goes_with_what_cannot() -> None:
    other, severe, retried = replace(NEW, id=2), replace(NEW, id=3, rank=0), replace(NEW, id=4, attempts=2)
    elsewhere = replace(NEW, id=5, method_id=8)
    latest = {7: AGO, 8: AGO}
    assert set(page_bundles.waits([NEW, other, severe, elsewhere], latest)) == {5}
    # what is tried again goes as it was, and takes no one along
    assert set(page_bundles.waits([NEW, other, retried], latest)) == {1, 2}


def test_the_index_and_the_channels_agree_on_what_can_go_together() -> None:
    assert {"sms", "voice"} == page_bundles.BUNDLING
    assert all(f"'{kind}'" in bundle_store.BUNDLEABLE for kind in page_bundles.BUNDLING)


def test_the_most_severe_page_is_first() -> None:
    pages = [
        (replace(NEW, id=1, rank=1), page(1, data={})),
        (replace(NEW, id=2, rank=1), page(2)),
        (replace(NEW, id=3, rank=0), page(3, data={"severity": 1})),
        (replace(NEW, id=4, rank=0), page(4, data={"severity": 0})),
    ]
    assert [delivery.id for delivery, _ in by_severity(pages)] == [4, 3, 2, 1]


def test_a_text_names_the_first_pages_and_counts_the_others() -> None:
    pages = [page(number) for number in range(1, 7)]
    assert sms_text.text_of(bundled(pages[:2], 9, INBOX), MOBILE) == (
        "2 pages, most severe: SEV2 checkout: disk full. PG-1 1a, PG-2 2a."
        " Reply 9aa to acknowledge all. https://fb.example/pages"
    )
    assert "PG-4 4a, +2. Reply 9aa" in sms_text.text_of(bundled(pages, 9, INBOX), MOBILE)
    # where no replies arrive, and without a code
    assert "PG-1, PG-2. https" in sms_text.text_of(bundled(pages[:2], 9, INBOX), "+918123456789")
    assert "aa" not in sms_text.text_of(bundled(pages[:2], 0, INBOX), MOBILE)


def test_a_call_reads_three_pages_and_counts_the_others() -> None:
    message = bundled([page(number, f"disk {number} full") for number in range(1, 6)], 0, INBOX)
    script = voice_script.script_of(message, takes_keys=True)
    assert script.opening == "You have 5 pages. The most severe has severity 2."
    assert script.keys == "Press 4 to acknowledge all, star to repeat."
    assert (
        script.details == "checkout. disk 1 full. checkout. disk 2 full. checkout. disk 3 full. And 2 more."
    )
    assert voice_script.script_of(message, takes_keys=False).keys == ""


@settings(max_examples=examples(10))
@given(st.lists(WILD, min_size=2, max_size=12), st.sampled_from(["en", "de", "ja", "ar"]), st.booleans())
def test_the_way_to_answer_for_all_is_never_cut_off(titles: list[str], language: str, hidden: bool) -> None:
    pages = [
        page(n, title, language=language, title_hidden=hidden, headline=title)
        for n, title in enumerate(titles, 990)
    ]
    message = bundled(pages, 999, INBOX)
    text = sms_text.text_of(message, MOBILE)
    assert gsm7.segments(text) <= sms_text.MAX_SEGMENTS
    assert "999aa" in text
    assert text.endswith(INBOX)
    script = voice_script.script_of(message, takes_keys=True)
    assert len(f"{script.opening} {script.keys} {script.details}") <= voice_script.MAX_CHARS
    assert "4" in script.keys
