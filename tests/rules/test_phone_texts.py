"""Phone numbers, the length of text messages, and what messages and calls say (spec 10.3, 10.4 and 10.12)."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.channels import languages
from firebell.channels.base import Action, Item, Message
from firebell.channels.phone import gsm7, numbers, sms_text, twiml, voice_script
from firebell.channels.phone.calls import Next, Turn
from firebell.kit.errors import Invalid

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
MOBILE = "+4915123456789"
WILD = st.text(st.characters(codec="utf-8"), max_size=400)


def page(title: str = "15 % of requests fail with 5xx", **more: object) -> Message:
    values: dict[str, object] = {
        "event": "page",
        "title": title,
        "headline": f"SEV1 checkout: {title}",
        "urgency": "high",
        "composed_at": NOW,
        "ref": "PG-4711",
        "url": "https://fb.example/p/4711",
        "items": tuple(Item(title) for _ in range(3)),
        "actions": (Action("Acknowledge", "https://fb.example/ack/t"),),
        "data": {"severity": 1, "service": "checkout"},
        "reply_code": 47,
    }
    return Message(**{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "countries", "stored"),
    [
        ("0151 23456789", ["DE"], MOBILE),
        ("+1 (415) 555-2671", [], "+14155552671"),
        ("+447700900123", [], "+447700900123"),
        ("+881612345678", [], "+881612345678"),
        (" +49 151-234 567 89 ", ["AT", "DE"], MOBILE),
    ],
)
def test_a_number_has_one_spelling(text: str, countries: list[str], stored: str) -> None:
    assert numbers.complete(text, countries, to_call=False) == stored
    assert numbers.check(stored, to_call=False) == stored


def test_a_number_of_no_known_range_is_taken_with_a_warning() -> None:
    assert "No known network" in numbers.warning("+447700900123")
    assert "Satellite" in numbers.warning("+881612345678")
    assert numbers.warning(MOBILE) == ""
    assert [numbers.country_of(n) for n in (MOBILE, "+447700900123", "+881612345678")] == ["DE", "GB", ""]


@pytest.mark.parametrize(
    ("text", "countries"),
    [
        *((text, []) for text in ("+1415555267", "+49 800 1234567", "+1 900 234 5678", "0151 23456789")),
        *((text, []) for text in ("", "+", "++49", "+49 151 x", "+1234567890123456", "tel:+4915123456789")),
        *((text, []) for text in ("+49 151 23456789 x12", "+49\n15123456789", "1" * 10_000)),
        ("112", ["DE"]),
        ("+14155552671", ["DE", "AT"]),
        ("+49 30 123456", []),
    ],
)
def test_what_no_message_reaches_is_refused_at_the_field(text: str, countries: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        numbers.complete(text, countries, to_call=False)
    assert refused.value.fields["address"]


def test_a_landline_can_be_called() -> None:
    assert numbers.check("+49 30 123456", to_call=True) == "+4930123456"


@pytest.mark.parametrize(
    ("text", "is_gsm", "segments"),
    [
        ("a" * 160, True, 1),
        ("a" * 161, True, 2),
        ("a" * 306, True, 2),
        ("a" * 307, True, 3),
        ("a" * 159 + "[", True, 2),
        ("[" * 80, True, 1),
        ("[" * 81, True, 2),
        ("a" * 152 + "[" + "a" * 10, True, 2),
        ("ü" * 70, True, 1),
        ("ş" * 70, False, 1),
        ("ş" * 71, False, 2),
        ("ş" * 134, False, 2),
        ("ş" * 135, False, 3),
        ("🔥" * 35, False, 1),
        ("🔥" * 36, False, 2),
        ("ş" * 66 + "🔥" + "ş" * 10, False, 2),
        ("`", False, 1),
        ("ç", False, 1),
        ("Ç", True, 1),
        ("€", True, 1),
        ("", True, 0),
    ],
)
def test_a_message_has_as_many_segments_as_it_costs(text: str, is_gsm: bool, segments: int) -> None:
    assert (gsm7.is_gsm(text), gsm7.segments(text)) == (is_gsm, segments)
    assert gsm7.units("€") == 2


@pytest.mark.parametrize(
    ("message", "number", "text"),
    [
        (
            page(),
            MOBILE,
            "SEV1 checkout: 15 % of requests fail with 5xx (3 alerts). PG-4711. Reply 47a ack, 47e escalate."
            " https://fb.example/p/4711",
        ),
        (
            page("Störung “tief” — çok"),
            MOBILE,
            'SEV1 checkout: Störung "tief" - cok (3 alerts). PG-4711. Reply 47a ack, 47e escalate.'
            " https://fb.example/p/4711",
        ),
        (
            page("決済が停止"),
            MOBILE,
            "SEV1 checkout: 決済が停止. PG-4711. Reply 47a. https://fb.example/p/4711",
        ),
        (
            page(reply_code=0),
            MOBILE,
            "SEV1 checkout: 15 % of requests fail with 5xx (3 alerts). PG-4711. https://fb.example/p/4711",
        ),
        (
            page(),
            "+8613812345678",
            "SEV1 checkout: 15 % of requests fail with 5xx (3 alerts). PG-4711.",
        ),
        (
            Message(
                "verification",
                "482913 is your Firebell code",
                "high",
                NOW,
                code="482913",
                lines=("Enter it.",),
            ),
            MOBILE,
            "482913 is your Firebell code. Enter it.",
        ),
    ],
)
def test_a_text_says_what_how_to_answer_and_where(message: Message, number: str, text: str) -> None:
    assert sms_text.text_of(message, number) == text
    assert gsm7.segments(text) == 1


@settings(max_examples=30)
@given(WILD, st.integers(0, 999))
def test_every_text_fits_and_keeps_the_way_to_answer(title: str, code: int) -> None:
    message = page(title, headline=f"SEV0 checkout: {title}", reply_code=code)
    text = sms_text.text_of(message, MOBILE)
    assert 1 <= gsm7.segments(text) <= 2
    assert "PG-4711." in text
    assert f"Reply {code}a" in text or not code
    assert text.endswith("https://fb.example/p/4711")


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("15% of requests fail with 5xx", "15 percent of requests fail with 5 x x"),
        ("orderService-v2 CPU at 97.5%", "order Service v2 C P U at 97 point 5 percent"),
        ("db_primary.eu-west-1 https://x.example/a?b=c", "db primary eu west 1"),
        ("request 5f2c9a1b77de of PG-7", "request of"),
        ("123456 rows", "1 2 3 4 5 6 rows"),
        ("</Say><Hangup/>", "Say Hangup"),
        ("disk\x00 full\u202e", "disk full"),
        ("", ""),
    ],
)
def test_a_text_is_read_aloud_without_signs(text: str, spoken: str) -> None:
    assert voice_script.speakable(text) == spoken


@settings(max_examples=30)
@given(WILD)
def test_every_call_is_short_and_begins_with_how_severe_it_is(title: str) -> None:
    script = voice_script.script_of(page(title), takes_keys=True)
    assert len(script.first) + len(script.rest) <= voice_script.MAX_CHARS + len(voice_script.KEYS)
    assert script.first == f"You have a severity 1 page. {voice_script.KEYS}"
    assert script.rest.startswith("checkout. ")
    assert not set(script.rest) & set("<>\x00\n")


def test_without_keys_no_one_knows_who_answers_so_a_call_says_no_details() -> None:
    calls = [page(), page(actions=()), Message("notice", "Card 4242 fails", "low", NOW, lines=("4242",))]
    for message, takes_keys in ((calls[0], False), (calls[1], True), (calls[2], True)):
        script = voice_script.script_of(message, takes_keys=takes_keys)
        assert script.keys == ""
        assert not {"4", "5", "checkout"} & set(script.twice)
        assert "fail" not in script.twice


def test_a_code_is_read_twice_digit_by_digit() -> None:
    message = Message(
        "verification", "482913 is your Firebell code", "high", NOW, code="482913", lines=("x",)
    )
    said = voice_script.script_of(message, takes_keys=True)
    assert said.keys == ""
    assert said.twice.count("4, 8, 2, 9, 1, 3") == 2


@pytest.mark.parametrize("code", languages.languages())
def test_every_language_fits_every_limit(code: str) -> None:
    message = page("x" * 400, language=code)
    text = sms_text.text_of(message, MOBILE)
    assert gsm7.segments(text) <= 2
    assert "47a" in text
    script = voice_script.script_of(message, takes_keys=True)
    assert script.keys == languages.text(code, voice_script.KEYS)
    assert len(script.first) + len(script.details) <= voice_script.MAX_CHARS
    spoken = languages.language(code)
    said = twiml.of_turn(Turn("x", Next.HANG_UP, {}, code), str)
    assert f'<Say language="{spoken.twilio_language}"' in said
    assert ("voice=" in said) == (code == "ar")


def test_every_catalog_has_every_string_and_its_placeholders() -> None:
    english, *others = languages.languages().values()
    assert english.texts == {}
    assert [each.code for each in others if each.direction == "rtl"] == ["ar"]
    for each in others:
        assert set(each.texts) == set(others[0].texts)
        for text, translation in each.texts.items():
            assert translation
            assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", translation)), (
                each.code,
                text,
            )


def test_what_a_call_says_is_text_to_the_provider() -> None:
    said = twiml.of_turn(
        Turn('a < b & "c"', Next.LISTEN, {"d": "7"}), lambda query: f"https://f.e/?{query['d']}&n=1"
    )
    assert "a &lt; b &amp; " in said
    assert 'action="https://f.e/?7&amp;n=1"' in said
