"""Mails as alerts, without a server: addresses, reading, keys, ends, trust and settings (spec 9.6)."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.alerts.model import EventKind
from firebell.inbound_mail import actions, mail_rules, message_reading
from firebell.inbound_mail.addresses import address_of, key_of, keys_in
from firebell.inbound_mail.model import MailMessage, MailOutcome, MailSettings, ReceivedMail, Verdict
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.mail import inbound_settings

KEY = "4f1c09de7b12a07b31d4e209c3f6ab67"
DOMAIN = "alerts.example.org"
RELAY = "mx.example.org"
DEFAULTS = MailSettings()
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PASSED = f"{RELAY} (checked); spf=fail; dmarc=pass (p=REJECT) header.from=example.org"


def mail(subject: str = "Disk full", text: str = "97% of /var", **headers: str) -> bytes:
    message = EmailMessage()
    message["From"] = "Nagios <nagios@example.org>"
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def received(
    content: bytes, envelope_sender: str | None = "nagios@example.org", **more: bool
) -> ReceivedMail:
    return ReceivedMail(1, 2, "Nagios", content, message_reading.read(content), envelope_sender, **more)


def judged(content: bytes, settings: MailSettings = DEFAULTS, **more: object) -> Verdict:
    given_ = {"auth_server": RELAY, "recent": 0, "thread_key": "", **more}
    return mail_rules.judge(received(content), settings, **given_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "key"),
    [
        (f"checkout-{KEY}@{DOMAIN}", KEY),
        (f"<Checkout-{KEY.upper()}@Alerts.Example.Org.>", KEY),
        (f"{KEY}@{DOMAIN}", KEY),
        (f"alerts+checkout-{KEY}@{DOMAIN}", KEY),
        (f"checkout-{KEY}@example.org", None),
        (f"checkout-{KEY}@evil.{DOMAIN}", None),
        (f"checkout-{KEY[:-1]}@{DOMAIN}", None),
        (f"checkout-{KEY}0@{DOMAIN}", None),
        (f"checkout{KEY}@{DOMAIN}", None),
        ("checkout", None),
        ("", None),
    ],
)
def test_the_key_is_in_the_address(address: str, key: str | None) -> None:
    assert key_of(address, DOMAIN) == key


@given(st.text(max_size=120))
def test_every_name_has_an_address_whose_key_is_read(name: str) -> None:
    address = address_of(name, KEY, DOMAIN)
    assert key_of(address, DOMAIN) == KEY
    assert len(address.partition("@")[0]) <= 64
    assert keys_in([f"Alerts <{address}>, other@example.org", address], DOMAIN) == [KEY]


@pytest.mark.parametrize(
    ("subject", "is_end"),
    [
        ("** RECOVERY Service Alert: db1/Disk is OK **", True),
        ("** PROBLEM Service Alert: db1/Disk is CRITICAL **", False),
        ("[RESOLVED] Host db1 is DOWN", True),
        ("Resolved: latency", True),
        ("CLEARED - link 3", True),
        ("[OK] ping", True),
        ("db1 is UP", True),
        ("DOWN: UP-link 3", False),
        ("CRITICAL: recovered only in part", False),
        ("NOT RESOLVED: disk", False),
        ("BACK UP failed", False),
        ("Backup failed", False),
        ("Is this ok?", False),
        ("follow up", False),
        ("Unresolved", False),
        ("Disk full", False),
        ("", False),
    ],
)
def test_only_a_clear_state_ends_an_alert(subject: str, is_end: bool) -> None:
    assert mail_rules.resolves(subject) is is_end
    assert (judged(mail(subject)).outcome is MailOutcome.RESOLVED) is is_end


@pytest.mark.parametrize(
    ("content", "envelope_sender"),
    [
        (mail(), ""),
        (mail(Auto_Submitted="auto-replied; owner=x"), "nagios@example.org"),
        (mail(X_Firebell_Page="pg-7"), "nagios@example.org"),
        (b"Content-Type: multipart/report; boundary=b\n\n--b\n\nbounced\n--b--\n", "nagios@example.org"),
        (b"Return-Path: <>\nSubject: Undelivered\n\nbounced", None),
    ],
)
def test_bounces_replies_and_own_mails_never_fire(content: bytes, envelope_sender: str | None) -> None:
    verdict = mail_rules.judge(received(content, envelope_sender), MailSettings(), RELAY, 0, "")
    assert verdict.outcome is MailOutcome.IGNORED
    assert verdict.reason


def test_a_monitor_that_calls_its_mails_automatic_fires() -> None:
    assert judged(mail(Auto_Submitted="auto-generated", Precedence="bulk")).outcome is MailOutcome.FIRED


@pytest.mark.parametrize(
    ("results", "is_proved"),
    [
        ([PASSED], True),
        ([f"{RELAY}; dmarc=fail", PASSED], False),  # the topmost of the relay counts
        (["evil.example.com; dmarc=pass", f"{RELAY}; dmarc=none"], False),
        ([f"{RELAY}; spf=pass (dmarc=pass; )"], False),
        ([f"{RELAY}; dkim=pass header.i=dmarc=pass"], False),
        (["; dmarc=pass"], False),
        ([], False),
    ],
)
def test_a_listed_sender_is_believed_only_as_the_own_relay_says(results: list[str], is_proved: bool) -> None:
    assert mail_rules.is_proved(results, RELAY) is is_proved
    assert not mail_rules.is_proved(results, "")
    content = b"".join(f"Authentication-Results: {each}\n".encode() for each in results) + mail()
    for listed in ("nagios@example.org", "@example.org"):
        outcome = judged(content, MailSettings(senders=(listed,))).outcome
        assert (outcome is MailOutcome.FIRED) is is_proved
        assert outcome in (MailOutcome.FIRED, MailOutcome.REFUSED)
    assert judged(content, MailSettings(senders=("@other.org",))).outcome is MailOutcome.REFUSED


def test_matchers_decide_what_ends_and_what_is_ignored() -> None:
    settings = MailSettings((), '{subject=~"cleared: .*"}', '{from="nagios@example.org", body=~"digest.*"}')
    assert judged(mail("cleared: disk"), settings).outcome is MailOutcome.RESOLVED
    assert judged(mail("RESOLVED disk"), settings).outcome is MailOutcome.FIRED
    assert judged(mail("Week 48", "digest of the week"), settings).outcome is MailOutcome.IGNORED


def test_a_mail_fires_even_if_the_matchers_of_its_integration_cannot_be_read() -> None:
    settings = MailSettings((), '{subject=~"("}', '{subject=~"("}')
    assert judged(mail("RESOLVED disk"), settings).outcome is MailOutcome.FIRED


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        ("=?utf-8?q?M=C3=BCller=2C_Jan?= <jan@example.org>", "jan@example.org"),
        ("=?utf-8?b?TcO8bGxlciwgSmFu?= (=?utf-8?q?Ops?=) <jan@example.org>", "jan@example.org"),
        ("=?utf-8?q?ops=40example.org?= <mallory@example.net>", "mallory@example.net"),
        ("=?utf-8?q?=3Cops=40example.org=3E?= <mallory@example.net>", "mallory@example.net"),
        ("=?utf-8?q?ops=40example.org=2C?= <mallory@example.net>", "mallory@example.net"),
        ("ops@example.org <mallory@example.net>", "mallory@example.net"),
        ('"ops@example.org" <mallory@example.net>', "mallory@example.net"),
        ("ops@example.org", "ops@example.org"),
        ("Ops <Ops@Example.Org>", "ops@example.org"),
        ("ops@example.org (Ops)", "ops@example.org"),
        ("mallory@example.net ((x)<ops@example.org>)", "mallory@example.net"),
        ("<mallory@example.net> (<ops@example.org>)", "mallory@example.net"),
        (r'"\"<ops@example.org>" <mallory@example.net>', "mallory@example.net"),
        ("=?utf-8?q?ops=40example.org?=", "ops@example.org"),
    ],
)
def test_a_name_that_looks_like_an_address_is_not_the_sender(header: str, sender: str) -> None:
    content = f"From: {header}\nSubject: Disk full\n\ntext".encode()
    assert message_reading.read(content).sender == sender


def test_too_many_mails_of_one_sender_share_an_alert() -> None:
    storm = judged(mail("Disk 7"), recent=mail_rules.STORM_MAILS)
    assert storm.outcome is MailOutcome.STORM
    assert storm.key == judged(mail("Other"), recent=1000).key
    event = mail_rules.event_of(received(mail()), storm, NOW)
    assert (event.kind, event.severity) == (EventKind.FIRING, "error")


def test_a_mail_is_read_in_its_own_charset_and_form() -> None:
    content = mail(
        "Ausfall: Prüfung 🔥",
        "Größe überschritten",
        Date="Sun, 29 Nov 2026 13:00:00 +0100",
        Message_ID="<1@example.org>",
    )
    event = mail_rules.event_of(received(content), judged(content), NOW)
    assert (event.title, event.body) == ("Ausfall: Prüfung 🔥", "Größe überschritten")
    assert (event.occurred_at, event.severity, event.labels) == (NOW, None, {"from": "nagios@example.org"})
    for raw, text in (
        (b"Content-Type: text/plain; charset=latin-1\n\nGr\xf6\xdfe", "Größe"),
        (b"Content-Type: text/plain; charset=x-unknown\n\nGr\xc3\xb6\xc3\x9fe", "Größe"),
        (b"Subject: x\n\nGr\xf6\xdfe", "Größe"),
        (
            b"Content-Type: text/html\n\n<style>a{}</style><p>One&amp;two<br>three</p><script>x</script>",
            "One&two\nthree",
        ),
        (b"Content-Transfer-Encoding: base64\n\n!!!! not base64 !!!!", None),
    ):
        message = message_reading.read(raw)
        assert text is None or message.text.replace("\n\n", "\n") == text
    assert message_reading.read(b"Subject: Gr\xf6\xdfe\n\n").subject == "Größe"
    assert message_reading.read(b"Subject: =?utf-8?b?!!!?= =?x?q?a?=\n\n").subject


def test_attachments_are_named_and_not_kept() -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@example.org", "Graph"
    message.set_content("see the graph")
    message.add_alternative("<p>see the graph</p>", subtype="html")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="Größe.png")
    content = message.as_bytes()
    assert message_reading.read(content).attachments == ("Größe.png",)
    event = mail_rules.event_of(received(content, is_cut=True), judged(content), NOW)
    assert "Größe.png" in event.body
    assert event.body.startswith("see the graph")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Sun, 29 Nov 2026 13:00:00 +0100", NOW),
        ("Sun, 29 Nov 2026 12:00:00", None),  # without a zone it orders nothing
        ("Sun, 22 Nov 2026 12:00:00 +0000", None),
        ("yesterday", None),
        ("Sun, 99 Nov 99999 12:00:00 +9999", None),
        ("", None),
    ],
)
def test_the_date_of_a_mail_orders_only_if_it_is_plausible(header: str, expected: datetime | None) -> None:
    content = f"From: a@example.org\nDate: {header}\nSubject: x\n\ntext".encode()
    assert mail_rules.event_of(received(content), judged(content), NOW).occurred_at == expected


BAD_MAILS = [
    b"",
    b"\x00" * 100,
    b"\xff\xfe\xfd",
    b"no headers at all",
    b"Subject",
    b"Subject: x",
    b": : :\n\n",
    b"Received: from a by b; now\n" * 500 + b"Subject: hops\n\ntext",
    b"Content-Type: multipart/mixed\n\nno boundary",
    b"Content-Type: multipart/mixed; boundary=\n\n--\n--\n",
    b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\nx\n" * 5000,
    b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(2000)),
    b"Content-Type: text/plain; charset*0*=%ff\n\nx",
    b"Content-Disposition: attachment; filename*=utf-8''%ff%\n\nx",
    b'From: "<<<>>>" <a@b <c@d>>\nSubject: =?utf-8?q?=FF?=\n\nx',
    b"Subject: " + b"x" * 100_000 + b"\n\n" + b"y" * 200_000,
    b"Subject: =?utf-8?b?A?=\n\nx",
    b"Subject: =?utf-7?q?+2AA-?=\nContent-Type: text/plain; charset=utf-7\n\n+2AA-",
    b"Date: Fri, 31 Dec 9999 23:59:59 -2359\n\nx",
    b"Message-ID: <a\xe9@x>\nReferences: <b\xff@x>\nIn-Reply-To: <c\x00@x>\n\nx",
    b"Message-ID: <a\x00@x>\n\nx",
    b"Content-Type: text/html\n\n" + b"<div>" * 50_000 + b"<![bad" + b"&#xD800;&#99999999;",
]


@pytest.mark.parametrize("content", BAD_MAILS, ids=range(len(BAD_MAILS)))
def test_a_broken_mail_fires_all_the_same(content: bytes) -> None:
    verdict = judged(content)
    assert verdict.outcome is MailOutcome.FIRED
    event = mail_rules.event_of(received(content), verdict, NOW)
    assert event.title
    assert verdict.key
    assert len(event.title) <= 255
    assert len(event.body) <= 32 * 1024
    assert_storable(message_reading.read(content))


def assert_storable(message: MailMessage) -> None:
    """PostgreSQL stores no NUL and no lone surrogate; what is not cleaned before it is stored has neither."""
    for text in (message.message_id, *message.references):
        assert "\x00" not in text
    for text in (message.message_id, *message.references, message.sender, message.subject, message.text):
        text.encode()


@given(
    st.lists(
        st.sampled_from(
            [
                b"Subject: ",
                b"From: ",
                b"Content-Type: ",
                b"multipart/mixed; boundary=a",
                b"\n",
                b"--a",
                b"=?utf-8?b?",
                b"?=",
                b"text/html; charset=",
                b"\xff",
                b"<a@b>",
                b"References: ",
                b"Message-ID: ",
                b"=?utf-7?q?+2AA-?=",
                b"<\x00>",
                b"<\xe9>",
                b"Date: ",
                b"; name*0=",
                b"\x00",
                b"(",
                b'"',
                b":",
            ]
        ),
        max_size=40,
    ).map(b"".join)
)
def test_any_bytes_are_read(content: bytes) -> None:
    one = received(content)
    assert mail_rules.digest_of(one) == mail_rules.digest_of(received(content))
    judged(content)
    assert_storable(one.message)


@pytest.mark.parametrize(
    ("headers", "is_known"),
    [
        (b"", False),
        (b"Date: Thu, 01 Jan 1970 00:00:00 +0000\n", False),
        (b"Date: Sun, 29 Nov 2026 11:59:00 +0000\n", True),
        (b"Received: from ups by mx; Sun, 29 Nov 2026 11:59:00 +0000\n", True),
        (b"Message-ID: <1@ups>\n", True),
    ],
)
def test_the_second_outage_of_a_device_without_a_clock_is_not_a_duplicate(
    headers: bytes, is_known: bool
) -> None:
    content = received(headers + b"From: ups@example.org\nSubject: On battery\n\nOn battery\n")
    later = mail_rules.digest_at(content, NOW + timedelta(minutes=1))
    assert (mail_rules.digest_at(content, NOW) == later) is is_known


def test_a_mail_that_is_delivered_again_is_the_same_mail() -> None:
    first = mail(Message_ID="<1@example.org>")
    again = b"Received: by the next attempt; Sun, 29 Nov 2026 12:05:00 +0000\n" + first
    other = mail("Disk full again", Message_ID="<1@example.org>")
    assert mail_rules.digest_of(received(first)) == mail_rules.digest_of(received(again))
    assert mail_rules.digest_of(received(first)) != mail_rules.digest_of(received(other))


@pytest.mark.parametrize(
    ("senders", "resolve", "ignore", "server", "fields"),
    [
        (["a@example.org"], "", "", "", {"senders"}),
        (["nonsense", "@", "@bad domain"], "", "", RELAY, {"senders"}),
        ([f"a{n}@example.org" for n in range(51)], "", "", RELAY, {"senders"}),
        ([], "subject", '{subject!="x"}', RELAY, {"resolve_matchers", "ignore_matchers"}),
        ([], "x" * 1025, "", RELAY, {"resolve_matchers"}),
    ],
)
def test_every_wrong_setting_is_named_at_its_field(
    senders: list[str], resolve: str, ignore: str, server: str, fields: set[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        actions.checked(senders, resolve, ignore, server)
    assert set(refused.value.fields) == fields


def test_settings_are_kept_in_one_form() -> None:
    settings = actions.checked([" A@Example.org ", "a@example.org", "", "@X.org"], 'subject=~"x"', "", RELAY)
    assert settings == MailSettings(("a@example.org", "@x.org"), '{subject=~"x"}', "")


def test_only_what_is_set_listens(tmp_path: Path) -> None:
    assert inbound_settings.load({}) == inbound_settings.InboundMailSettings()
    pem = tmp_path / "x.pem"
    pem.touch()
    env = {
        "FIREBELL_MAIL_DOMAIN": "Alerts.example.org",
        "FIREBELL_MAIL_LISTEN": "[::]:2525",
        "FIREBELL_MAIL_IMAP_URL": "imaps://alerts%40example.org:p%23w@imap.example.org/Alerts/New",
        "FIREBELL_MAIL_TLS_CERTIFICATE": str(pem),
        "FIREBELL_MAIL_TLS_KEY": str(pem),
    }
    settings = inbound_settings.load(env)
    assert (settings.domain, settings.listen, settings.certificate) == (DOMAIN, ("::", 2525), (pem, pem))
    assert settings.imap is not None
    assert (settings.imap.port, settings.imap.folder, settings.imap.username) == (
        993,
        "Alerts/New",
        "alerts@example.org",
    )
    assert "p#w" not in repr(settings)
    wrong = {
        "FIREBELL_MAIL_DOMAIN": "not a domain",
        "FIREBELL_MAIL_LISTEN": "25",
        "FIREBELL_MAIL_TLS_KEY": "/nowhere",
        "FIREBELL_MAIL_IMAP_URL": "pop3://a:b@c",
    }
    for name, value in wrong.items():
        with pytest.raises(StartupError) as refused:
            inbound_settings.load({**env, name: value})
        assert name in refused.value.message
    with pytest.raises(StartupError):
        inbound_settings.load({"FIREBELL_MAIL_LISTEN": "0.0.0.0:25"})
    for url in (
        "imaps://imap.example.org",
        "imap://a:b@",
        "imap://a:b@c:0",
        "imap://a:b@c#d",
        "imap://a:b@c:x",
    ):
        with pytest.raises(StartupError):
            inbound_settings.parse_imap_url(url)
    assert inbound_settings.parse_imap_url("imap://a:b@127.0.0.1:1143").require_tls is False
    assert inbound_settings.parse_imap_url("imap://a:b@imap.example.org").require_tls is True


def test_old_mails_of_a_sender_are_no_storm() -> None:
    assert judged(mail(), recent=mail_rules.STORM_MAILS - 1).outcome is MailOutcome.FIRED
    assert timedelta(minutes=1) == actions._MINUTE
