"""Pages at nearly the same time are one text message or call (spec 2.4 and 10.4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.channels.base import Action, Message
from firebell.channels.callbacks import PageAction, Press, RepeatRequest, SignalAnswer
from firebell.channels.phone import calls, gsm7, sms_text, voice_script
from firebell.notify import page_bundles, removed_methods
from firebell.notify.composing import bundle_store
from firebell.notify.composing.bundled_message import bundled_message, by_severity
from firebell.notify.model import REMINDER, Delivery, DeliveryState
from firebell.people.model import ContactMethod
from tests.rules.budget import examples
from tests.rules.finished import finished

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
        ({"has_waited": True}, {7: AGO}, True),
        ({"attempts": 2}, {7: AGO}, True),
        ({"lost_claims": 1}, {7: AGO}, True),
        ({"bundle_id": 1}, {7: AGO}, True),
        # a message of the future: the clock was set back
        ({}, {7: NOW + timedelta(hours=3)}, True),
    ],
)
def test_only_what_follows_a_message_waits_and_never_what_is_severe(
    more: dict[str, object], latest: dict[int, datetime], is_sent_now: bool
) -> None:
    delivery = replace(NEW, **more)  # type: ignore[arg-type]
    expected = {} if is_sent_now else {1: AGO + page_bundles.WINDOW}
    assert page_bundles.wait_ends([delivery], latest, NOW) == expected


def test_what_could_wait_goes_with_what_cannot() -> None:
    other, severe, retried = replace(NEW, id=2), replace(NEW, id=3, rank=0), replace(NEW, id=4, attempts=2)
    elsewhere = replace(NEW, id=5, method_id=8)
    latest = {7: AGO, 8: AGO}
    assert set(page_bundles.wait_ends([NEW, other, severe, elsewhere], latest, NOW)) == {5}
    # what is tried again goes as it was, and takes no one along
    assert set(page_bundles.wait_ends([NEW, other, retried], latest, NOW)) == {1, 2}


def test_a_drill_waits_for_no_page_and_none_for_it() -> None:
    drill: Any = replace(NEW, is_drill=True)
    nothing_is_read: Any = None
    assert finished(page_bundles.gather(nothing_is_read, [drill], NOW)) == [drill]


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
    assert sms_text.text_of(bundled_message(pages[:2], 9, INBOX), MOBILE) == (
        "2 pages, most severe: SEV2 checkout: disk full. PG-1 1a, PG-2 2a."
        " Reply 9aa to acknowledge all. https://fb.example/pages"
    )
    assert "PG-4 4a, +2. Reply 9aa" in sms_text.text_of(bundled_message(pages, 9, INBOX), MOBILE)
    # where no replies arrive, and without a code
    assert "PG-1, PG-2. https" in sms_text.text_of(bundled_message(pages[:2], 9, INBOX), "+918123456789")
    assert "aa" not in sms_text.text_of(bundled_message(pages[:2], 0, INBOX), MOBILE)


def test_a_call_reads_three_pages_and_counts_the_others() -> None:
    message = bundled_message([page(number, f"disk {number} full") for number in range(1, 6)], 0, INBOX)
    script = voice_script.script_of(message, takes_keys=True)
    assert script.opening == "You have 5 pages. The most severe has severity 2."
    assert script.keys == "Press 4 to acknowledge all, star to repeat."
    assert (
        script.details == "checkout. disk 1 full. checkout. disk 2 full. checkout. disk 3 full. And 2 more."
    )
    assert voice_script.script_of(message, takes_keys=False).keys == ""


@pytest.mark.parametrize("left", [1, 3])
def test_a_key_means_the_pages_that_a_call_read(left: int) -> None:
    pages = [page(number, delivery_id=40 + number) for number in range(1, left + 1)]
    read = pages[0] if left == 1 else replace(bundled_message(pages, 0, INBOX), delivery_id=44)
    query = {"d": "44", "n": "1", "b": "1"}
    turn = calls.turn_after(query, "*", [SignalAnswer(message=read)])
    [pressed] = calls.signals_of(turn.query, "4", "C", MOBILE)
    # of the one that is left, by its own delivery, everything can be done
    delivery_id, is_for_all = (41, False) if left == 1 else (44, True)
    assert pressed == Press("C:2:4", delivery_id, PageAction.ACK, MOBILE, is_for_all, NOW)
    assert isinstance(calls.signals_of(turn.query, "5", "C", MOBILE)[0], RepeatRequest) is is_for_all
    confirming = calls.turn_after(turn.query, "1", [])
    assert ("b" in confirming.query, confirming.query["c"]) == (is_for_all, "1")


def test_what_waited_goes_to_no_contact_method_that_is_gone() -> None:
    verified = ContactMethod(7, 1, "sms", MOBILE, "", NOW, None)
    stopped = replace(verified, id=8, unusable_since=NOW)
    assert removed_methods.failure_of(7, [verified, stopped]) is None
    assert removed_methods.failure_of(8, [verified, stopped]) is removed_methods.STOPPED
    assert removed_methods.failure_of(9, [verified, stopped]) is removed_methods.REMOVED
    # no state silences a person
    assert removed_methods.failure_of(8, [stopped]) is None


@settings(max_examples=examples(10))
@given(st.lists(WILD, min_size=2, max_size=12), st.sampled_from(["en", "de", "ja", "ar"]), st.booleans())
def test_the_way_to_answer_for_all_is_never_cut_off(titles: list[str], language: str, hidden: bool) -> None:
    pages = [
        page(n, title, language=language, title_hidden=hidden, headline=title)
        for n, title in enumerate(titles, 990)
    ]
    message = bundled_message(pages, 999, INBOX)
    text = sms_text.text_of(message, MOBILE)
    assert gsm7.segments(text) <= sms_text.MAX_SEGMENTS
    assert "999aa" in text
    assert text.endswith(INBOX)
    script = voice_script.script_of(message, takes_keys=True)
    assert len(f"{script.opening} {script.keys} {script.details}") <= voice_script.MAX_CHARS
    assert "4" in script.keys
