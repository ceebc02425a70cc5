"""Text messages to subscribers: numbers, codes, what they say, what they may cost, and who sends them (spec 7.12)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.channels.phone import gsm7, keywords, public_sms, settings
from firebell.channels.sms import CHANNEL
from firebell.kit.errors import Invalid, StartupError
from firebell.status_pages.public.languages import languages
from firebell.subscribers import addresses
from firebell.subscribers.messages import sms_texts
from firebell.subscribers.model import Purpose, SubscriberChannel
from firebell.subscribers.sending import sms_limit
from firebell.subscribers.subscribing import confirmation_codes, csv_import

SMS = SubscriberChannel.SMS
MARA = "+4915123456789"
URL = "https://status.kestrel.example/de/incidents/8kbf7d35c070"
PAGING = "+15005550001"


@pytest.mark.parametrize(
    ("text", "countries", "stored"),
    [
        ("0151 23456789", ["DE", "AT"], MARA),
        (" +49 151 23456789 ", ["AT", "DE"], MARA),
        ("+33612345678", ["DE"], ""),
        ("+8613812345678", ["CN"], ""),
        ("+49 30 901820", ["DE"], ""),
        ("112", ["DE"], ""),
        ("ops@nordpost.example", ["DE"], ""),
        ("", ["DE"], ""),
        (MARA, [], ""),
    ],
)
def test_a_number_is_of_a_chosen_country_and_can_get_links(
    text: str, countries: list[str], stored: str
) -> None:
    if stored:
        number = addresses.checked(SMS, text, countries=countries)
        assert number == stored == addresses.key_of(SMS, number) == addresses.shown(SMS, number)
        assert addresses.host_of(SMS, number) == "+49"
        return
    with pytest.raises(Invalid) as refused:
        addresses.checked(SMS, text, countries=countries)
    assert set(refused.value.fields) == ({"address"} if countries else {"channel"})


def test_a_file_names_numbers_that_cannot_be_written_to() -> None:
    text = f"address,channel,contact\r\n{MARA},sms,boss@nordpost.example\r\n+33612345678,sms,\r\n"
    rows = csv_import.parse(text, {}, ["en"], ["DE"])
    assert [(each.channel, each.address, each.contact) for each in rows.requests] == [(SMS, MARA, "")]
    assert [line for line, _ in rows.problems] == [3]
    assert [line for line, _ in csv_import.parse(text, {}, ["en"]).problems] == [2, 3]


def test_a_code_is_of_one_request() -> None:
    seed = b"s" * 32
    codes = {confirmation_codes.code_of(seed, subscriber, n) for subscriber in range(5) for n in range(5)}
    assert len(codes) == 25
    assert all(len(code) == confirmation_codes.CODE_DIGITS and code.isdecimal() for code in codes)
    for typed in ("123 456", "123-456", "１２３　４５６", "١٢٣٤٥٦"):
        assert confirmation_codes.is_code(typed, "123456")
    for wrong in ("", "12345", "1234567", "¹23456", "\ud800"):
        assert not confirmation_codes.is_code(wrong, "123456")


@pytest.mark.parametrize("text", ["STOP", " Stop. ", "“Stop”", "stop!", "ＳＴＯＰ", "'stop',"])
def test_a_number_leaves_by_stop_however_a_phone_writes_it(text: str) -> None:
    assert keywords.cleaned(text) in keywords.STOP_WORDS
    assert keywords.cleaned(f"don't {text}") not in keywords.STOP_WORDS


def test_requests_of_strangers_use_half_of_what_news_may_cost() -> None:
    confirm, news = Purpose.CONFIRM, Purpose.BROADCAST
    assert [sms_limit.is_within(used, 10, confirm) for used in (0, 4, 5)] == [True, True, False]
    assert [sms_limit.is_within(used, 10, news) for used in (5, 9, 10)] == [True, True, False]
    assert sms_limit.is_within(10**6, 0, confirm)
    assert [sms_limit.reached_percent(used, 10) for used in (0, 7, 8, 10, 11)] == [0, 0, 80, 100, 100]
    assert sms_limit.reached_percent(100, 0) == 0


@given(
    st.sampled_from(list(languages().values())),
    st.sampled_from(
        ["Payments fail", "Zahlungen schlagen fehl", "支払いが失敗", "x" * 400, "[]^{}" * 60, ""]
    ),
    st.sampled_from(
        ["We look into it.", "# Title\n\n- **one**\n- [two](https://x.example)", "障害" * 300, ""]
    ),
)
def test_only_the_news_is_cut(language: Any, title: str, body: str) -> None:
    content = {"page": "Kestrel", "label": "Investigating", "title": title, "body": body}
    ending = sms_texts.opt_out(MARA, "", language)
    text = sms_texts.news(content, URL, ending, "UTC", language)
    assert gsm7.segments(text) <= sms_texts.MAX_SEGMENTS
    assert text.endswith(f"{URL} {gsm7.plain(ending)}")
    assert "STOP" in ending
    for own in (
        sms_texts.code("123456", "Kestrel", URL, language),
        sms_texts.already("Kestrel", URL, language),
        sms_texts.invitation("Kestrel", "https://kestrel.example/u/" + "x" * 90, language),
        sms_texts.test("Kestrel", ending, language),
    ):
        assert gsm7.segments(own) <= sms_texts.MAX_SEGMENTS
        assert "Kestrel" in own


def test_maintenance_says_when() -> None:
    window = ["2026-11-29T02:00:00+00:00", "2026-11-29T04:00:00+00:00"]
    content = {"page": "Kestrel", "label": "Scheduled", "title": "Move", "body": "x" * 400, "window": window}
    text = sms_texts.news(content, URL, "STOP", "Europe/Stockholm", languages()["en"])
    assert text.startswith("Kestrel: Scheduled: Move. 29 Nov 03:00")


def test_a_private_page_sends_no_text_and_who_cannot_reply_gets_a_link() -> None:
    content = {"page": "Kestrel", "label": "Update", "title": "News", "body": "Secret", "is_private": True}
    language = languages()["de"]
    assert "Secret" not in sms_texts.news(content, URL, "", "UTC", language)
    assert "https://m.example" in sms_texts.opt_out("+919812345678", "https://m.example", language)


def _values(**changes: str) -> dict[str, str]:
    defaults = {each.name: each.default for each in CHANNEL.settings}
    twilio = {
        settings.TWILIO_ACCOUNT: "AC" + "1" * 32,
        settings.TWILIO_TOKEN: "t",
        settings.TWILIO_FROM: PAGING,
    }
    return {**defaults, **twilio, **changes}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (settings.TWILIO_PUBLIC_FROM, PAGING),
        (settings.TWILIO_PUBLIC_FROM, "Kestrel"),
        (settings.VONAGE_PUBLIC_FROM, "+15005550009"),
        (settings.PUBLIC_COUNTRIES, "Germany"),
        (settings.PUBLIC_DAILY_PARTS, "-1"),
    ],
)
def test_a_sender_behind_which_pages_would_wait_is_refused(name: str, value: str) -> None:
    with pytest.raises(StartupError, match=name):
        settings.check(_values(**{name: value}))


def test_text_messages_are_off_without_a_sender_and_countries() -> None:
    sender = {settings.TWILIO_PUBLIC_FROM: "+15005550009"}
    assert public_sms.countries(_values(**sender)) == []
    assert public_sms.countries(_values(**{settings.PUBLIC_COUNTRIES: "DE"})) == []
    on = _values(**sender, **{settings.PUBLIC_COUNTRIES: "de, at"})
    settings.check(on)
    assert public_sms.countries(on) == ["DE", "AT"]
