"""Every message fits its channel in bytes, whatever its subject (spec 10.4 and 10.10 K6)."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.channels import email, ntfy, webhook
from firebell.channels.base import Accepted, Action, ContentRefused, Failed, Item, Message, Retry
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.http_out import OutboundResponse
from firebell.kit.mail import headers
from firebell.kit.mail.addresses import Mailbox, check_address, parse_mailbox
from firebell.kit.truncation import cut, fit, size
from firebell.notify.held_messages import merged_message

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
WILD = st.text(st.characters(codec="utf-8"), max_size=400)


def alert(number: int, title: str, body: str = "", labels: Mapping[str, str] | None = None) -> Item:
    return Item(title, body, data={"id": number, "title": title, "labels": labels or {}, "body": body})


def message(title: str = "disk", *, alerts: Sequence[Item] = (), **more: object) -> Message:
    values: dict[str, object] = {
        "event": "page",
        "title": title,
        "headline": f"SEV1 Checkout: {title}",
        "urgency": "high",
        "composed_at": NOW,
        "ref": "PG-7",
        "url": "https://firebell.example.org/pages/PG-7",
        "lead": alerts[0].body if alerts else "",
        "items": tuple(alerts),
        "item_count": len(alerts),
        "actions": (Action("Acknowledge", f"https://firebell.example.org/ack/{'t' * 100}"),),
        "recipient": "Mara",
    }
    return Message(**{**values, **more})  # type: ignore[arg-type]


@given(WILD, st.integers(0, 300))
def test_text_is_cut_between_characters_and_never_longer_than_its_limit(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert size(short) <= limit
    assert short == text or text.startswith(short.removesuffix("…"))
    if short != text and short.removesuffix("…"):
        rest = text[len(short.removesuffix("…")) :].lstrip()
        assert not rest or unicodedata.category(rest[0]) != "Mn"


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("disk full", 9, "disk full"),
        ("disk full", 8, "disk…"),
        ("äöü", 5, "ä…"),
        ("e\u0301e\u0301", 5, "…"),
        ("👩\u200d👧 home", 9, "…"),
    ],
)
def test_a_character_is_never_cut_in_two(text: str, limit: int, short: str) -> None:
    assert cut(text, limit) == short


def test_what_does_not_fit_is_counted_and_one_address_leads_to_it() -> None:
    text = fit([f"page {n}" for n in range(20)], "https://f.example/pages", 99)
    assert text == f"{chr(10).join(f'page {n}' for n in range(8))}\n\nAnd 12 more: https://f.example/pages"


@given(WILD, st.lists(WILD, max_size=3), st.integers(200, 2000))
def test_a_text_in_markdown_fits_and_email_shows_it_as_html(
    written: str, lines: list[str], limit: int
) -> None:
    text = message(items=(), actions=(), markdown=f"We are **sorry**. {written}", lines=tuple(lines))
    assert text.text(limit).startswith("We are sorry.")
    assert size(text.text(limit)) <= limit
    mail = message_from_bytes(
        email.compose("a@example.org", text, "k", Mailbox("", "f@example.org")), policy=policy.default
    )
    bodies = (mail.get_body((kind,)) for kind in ("plain", "html"))
    plain, html = (body.get_content() for body in bodies if body)
    assert "We are sorry." in plain
    assert "We are <strong>sorry</strong>." in html


@given(st.lists(WILD, min_size=1, max_size=30), st.integers(120, 2000))
def test_a_list_fits_and_its_address_is_never_cut_off(lines: list[str], limit: int) -> None:
    text = fit(lines, "https://f.example/pages", limit)
    assert size(text) <= limit
    assert "https://f.example/pages" in text


@given(WILD, WILD, st.integers(0, 120))
def test_every_ntfy_message_is_one_that_a_server_takes(title: str, body: str, count: int) -> None:
    alerts = tuple(alert(n, title, body=body * 20) for n in range(count))
    notice = Message(
        "shift", title or "x", "low", NOW, lines=tuple((body * 9).split("\n")), url="https://f.e"
    )
    bundled = merged_message([message(title)] * (count + 2), "https://firebell.example.org/pages")
    for one in (message(title, alerts=alerts, item_count=5000), notice, bundled):
        for short in (False, True):
            data = ntfy.body_of("t" * 64, one, short=short)
            fields = json.loads(data)
            assert len(data) <= 8192
            assert size(fields["message"]) <= 4000
            assert size(fields["title"]) <= 200
            assert fields["message"]


def test_a_message_of_quotes_fits_as_json() -> None:
    data = ntfy.body_of("topic", message(alerts=(alert(1, "x", body="\x01" * 1500),) * 20))
    assert len(data) <= 8192
    assert json.loads(data)["actions"][0]["url"].startswith("https://firebell.example.org/ack/")


def test_a_webhook_carries_the_alerts_that_fit_and_counts_the_rest() -> None:
    huge = tuple(
        alert(n, "x", body="b" * 9000, labels={f"l{i}": "v" * 1000 for i in range(60)}) for n in range(100)
    )
    fields = json.loads(webhook.body_of(message(alerts=huge, item_count=300)))
    assert len(webhook.body_of(message(alerts=huge, item_count=300))) <= 500_000
    assert 0 < len(fields["alerts"]) < 100
    assert fields["alerts_omitted"] == 300 - len(fields["alerts"])
    assert fields["data"]["alerts"] == fields["alerts"]


@given(WILD)
def test_a_subject_of_any_text_is_one_header_that_shows_it(text: str) -> None:
    line = headers.unstructured("Subject", text)
    block = headers.head([line]) + b"\r\nbody"
    parsed = message_from_bytes(block, policy=policy.compat32)
    assert parsed.keys() == ["Subject"]
    assert parsed.get_payload() == "body"
    shown = str(make_header(decode_header("".join(parsed["Subject"].splitlines()))))
    assert shown == (headers.one_line(text) or "-")
    assert max(map(len, block.split(b"\r\n"))) <= 78


@given(WILD)
def test_a_sender_of_any_name_is_one_mailbox(name: str) -> None:
    line = headers.mailbox("From", Mailbox(name, "bell@example.org"))
    parsed = message_from_bytes(headers.head([line]) + b"\r\n", policy=policy.default)
    (one,) = parsed["From"].addresses
    assert one.addr_spec == "bell@example.org"


@pytest.mark.parametrize(
    "line",
    [
        "Subject: a\r\nBcc: eve@example.net",
        "Subject: a\nb",
        "Subject: a\r\n\r\nb",
        "Subject: ä",
        "Subject:",
        "x",
    ],
)
def test_a_header_that_could_be_two_is_never_written(line: str) -> None:
    with pytest.raises(headers.UnsafeHeaderError):
        headers.head([line])


@pytest.mark.parametrize(
    "address",
    [
        *("a;b@example.org", "x,y@example.org", "x@y,z@example.org", "<a@b>", "Mara <a@example.org>"),
        *('"a b"@example.org', '"a"@example.org', "team: a@b;", "@route:a@b", "a(comment)@example.org"),
        *("a@b\r\nBcc: c", "a\x00b@example.org", "a b@example.org", "a@", "@b", "", "a..b@example.org"),
        *(".a@example.org", "a@exa mple.org", "a@-x.org", "a@b..c", "a@[127.0.0.1]", "jörg@example.org"),
        *("=?utf-8?q?a?=@example.org", "a" * 65 + "@example.org", "a@" + "b" * 64 + ".org"),
    ],
)
def test_only_one_plain_address_is_an_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        check_address(address)


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("firebell@localhost", "", "firebell@localhost"),
        ("Firebell <a+b@example.org>", "Firebell", "a+b@example.org"),
        ('"ACME, Night" <a@example.org>', "ACME, Night", "a@example.org"),
        ("ACME, Bereitschaft <a@exämple.org>", "ACME, Bereitschaft", "a@xn--exmple-cua.org"),
    ],
)
def test_the_sender_of_mail_is_read_once_and_literally(text: str, name: str, address: str) -> None:
    assert parse_mailbox(text) == Mailbox(name, address)


@pytest.mark.parametrize(
    ("status", "retry_after", "expected"),
    [
        (204, "", Accepted("204")),
        (301, "", Failed("301 x", suspect=False)),
        (401, "", Failed("401 x", suspect=False)),
        (403, "", Failed("403 x", suspect=False)),
        (404, "", Failed("404 x", suspect=True)),
        (410, "", Failed("410 x", suspect=True, gone=True)),
        (400, "", ContentRefused("400 x")),
        (413, "", ContentRefused("413 x")),
        (422, "", ContentRefused("422 x")),
        (429, "7", Retry("429 x", 7)),
        (429, "²", Retry("429 x", None)),
        (429, "3600", Failed("429 x (retry after 3600 s)", suspect=False)),
        (503, "3600", Retry("503 x", 60)),
        (500, "", Retry("500 x", None)),
    ],
)
def test_a_response_makes_the_address_suspect_only_if_it_is_the_cause(
    status: int, retry_after: str, expected: object
) -> None:
    assert outcome_of(OutboundResponse(status, retry_after, "x")) == expected


def test_a_short_mail_has_the_title_and_the_way_to_the_page() -> None:
    sender = Mailbox("", "bell@example.org")
    mail = message_from_bytes(
        email.compose("mara@example.org", message("disk"), "key", sender, short=True), policy=policy.default
    )
    assert (
        mail.get_content().replace("\r\n", "\n")
        == "SEV1 Checkout: disk\n\nhttps://firebell.example.org/pages/PG-7\n"
    )
