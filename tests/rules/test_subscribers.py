"""Who hears of what, how fast mails leave, and what an answer means (spec 7.10 to 7.12)."""

import itertools
import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit import retries
from firebell.kit.errors import Invalid
from firebell.kit.mail.addresses import Mailbox
from firebell.kit.standard_webhooks import request_headers, signature
from firebell.status_pages.maintenance_windows.model import MAX_REMINDERS
from firebell.status_pages.model import PublicUpdate, Stage, UpdateKind
from firebell.status_pages.public.languages import languages
from firebell.subscribers import addresses, subscription_rules
from firebell.subscribers.broadcasts import actions as broadcasts
from firebell.subscribers.broadcasts import maintenance_numbers
from firebell.subscribers.deliveries import dead_addresses
from firebell.subscribers.deliveries.dead_addresses import FailedMail
from firebell.subscribers.deliveries.smtp_replies import Failure, SmtpReply
from firebell.subscribers.messages import hook_bodies, mail_format, update_texts
from firebell.subscribers.model import BroadcastKind, FollowScope, SubscriberChannel, SubscriberState
from firebell.subscribers.sending import journal, throttle
from firebell.subscribers.sending.journal import JournaledOutcome
from firebell.subscribers.sending.throttle import RelayPace, TokenBucket
from firebell.subscribers.subscribing import csv_import
from firebell.subscribers.subscription_rules import Admission, RecentMails, SubscriptionEvent

NOW = datetime(2026, 11, 27, 2, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_mail_has_the_text_in_the_language_of_its_reader_if_there_is_one() -> None:
    content = {
        "label": "Investigating",
        "body": "We look.",
        "at": NOW.isoformat(),
        "translations": {"de": "Wir suchen."},
    }
    for code, expected in (("en", "We look."), ("de", "Wir suchen."), ("ja", "We look.")):
        _, body, *_ = update_texts.update_paragraphs(content, [], "UTC", languages()[code])
        assert body == mail_format.Markdown(expected)
    # a broadcast of an earlier version has none
    del content["translations"]
    english = mail_format.Markdown("We look.")
    assert update_texts.update_paragraphs(content, [], "UTC", languages()["de"])[1] == english


@pytest.mark.parametrize("reminders", range(MAX_REMINDERS + 1))
def test_a_broadcast_about_maintenance_has_the_text_of_one_update(reminders: int) -> None:
    """Reminders come after any update and repeat the first one."""
    numbers = []
    for seq in (1, 2, 3):
        assert maintenance_numbers.has_text_of(maintenance_numbers.of_update(seq), seq)
        assert not maintenance_numbers.has_text_of(maintenance_numbers.of_update(seq), seq + 1)
        numbers.append(maintenance_numbers.of_update(seq))
        for place in range(reminders):
            number = maintenance_numbers.of_reminder(seq, place)
            assert [maintenance_numbers.has_text_of(number, each) for each in (1, 2, 3)] == [
                True,
                False,
                False,
            ]
            numbers.append(number)
    assert numbers == sorted(set(numbers))


def test_a_retracted_text_is_in_no_message_that_waits() -> None:
    updates = [{"id": "u2", "body": "Nordpost can pay again."}, {"id": "u1", "body": "Nordpost can't pay."}]
    removed = PublicUpdate(
        *(1, "u1", 1, Stage.INVESTIGATING, UpdateKind.UPDATE, "Removed.", ()),
        *(NOW, None, NOW, "Mara Lindqvist"),
        version=2,
    )
    first = {"body": "Nordpost can't pay.", "translations": {"de": "Nordpost kann nicht."}}
    own = broadcasts.with_text_of(
        {**first, "document": {"incident_updates": updates[1:]}}, removed, is_own=True
    )
    assert own == {
        "body": "Removed.",
        "translations": {},
        "document": {"incident_updates": [{"id": "u1", "body": "Removed."}]},
    }
    # a later one has a text of its own, and all earlier ones in its document
    second = {"body": "Nordpost can pay again.", "document": {"incident_updates": updates}}
    assert broadcasts.with_text_of(second, removed, is_own=False) == {
        **second,
        "document": {"incident_updates": [updates[0], {"id": "u1", "body": "Removed."}]},
    }
    # without webhooks there is no document, and a private page has no text at all
    assert broadcasts.with_text_of({**first, "document": {}}, removed, is_own=True)["document"] == {}
    private = {"is_private": True, "body": "Open the status page to read it.", "document": {}}
    assert broadcasts.with_text_of(private, removed, is_own=True) == private


def test_the_vectors_of_the_throttle() -> None:
    empty, wait = throttle.take(TokenBucket(40, 0), 0, 20, 40, 40)
    assert (empty.tokens, wait) == (0, 0)
    assert throttle.take(empty, 0, 20, 40, 10) == (empty, 0.5)
    later, wait = throttle.take(empty, 0.5, 20, 40, 10)
    assert (later.tokens, wait) == (0, 0)
    full, wait = throttle.take(later, 10, 20, 40, 50)
    assert (full.tokens, wait) == (40, 0.5)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 40)), max_size=60), st.floats(1, 50))
def test_no_window_ever_gets_more_than_the_burst_and_the_rate(
    steps: list[tuple[float, int]], rate: float
) -> None:
    bucket, now, sent = TokenBucket(40, 0), 0.0, list[tuple[float, int]]()
    for pause, n in steps:
        now += pause
        bucket, wait = throttle.take(bucket, now, rate, 40, n)
        assert 0 <= bucket.tokens <= 40
        if not wait:
            sent.append((now, n))
    for (i, (start, _)), (j, (end, _)) in itertools.combinations_with_replacement(enumerate(sent), 2):
        assert sum(n for _, n in sent[i : j + 1]) <= 40 + rate * (end - start) + 1e-6


def test_a_relay_that_slows_down_is_halved_and_recovers_with_what_it_accepts() -> None:
    pace = RelayPace(50, 50).slowed(0)
    assert (pace.rate, pace.paused_until) == (25, 60)
    assert RelayPace(50, 1.5).slowed(0).rate == 1
    assert pace.after(999).rate == 25
    assert pace.after(1000).rate == pytest.approx(27.5)
    assert pace.after(100_000).rate == 50


@pytest.mark.parametrize(
    ("scope", "impact", "components", "groups", "expected"),
    [
        (FollowScope(), 0, {1}, set(), True),
        (FollowScope(min_impact=3), 2, {1}, set(), False),
        (FollowScope(min_impact=3), 3, set(), set(), True),
        (FollowScope(False, frozenset({1})), 3, {1, 2}, set(), True),
        (FollowScope(False, frozenset({1})), 3, {2}, set(), False),
        (FollowScope(False, frozenset({1})), 3, set(), set(), True),
        (FollowScope(False, frozenset(), frozenset({7})), 3, {99}, {7}, True),
        (FollowScope(kinds=frozenset({BroadcastKind.MAINTENANCE})), 3, {1}, set(), False),
    ],
)
def test_a_subscriber_hears_of_what_meets_the_scope(
    scope: FollowScope, impact: int, components: set[int], groups: set[int], expected: bool
) -> None:
    assert subscription_rules.wants(scope, BroadcastKind.INCIDENT, impact, components, groups) is expected


def test_who_chose_maintenance_hears_of_it_whatever_their_least_impact() -> None:
    assert subscription_rules.wants(FollowScope(min_impact=4), BroadcastKind.MAINTENANCE, 1, {1}, set())


@given(st.lists(st.sampled_from([*SubscriptionEvent, None]), max_size=12))
def test_no_one_becomes_active_without_confirming(events: list[SubscriptionEvent | None]) -> None:
    state: SubscriberState | None = None
    has_confirmed = False
    for event in events:
        if event is not None:
            state = subscription_rules.next_state(state, event) or state
        elif state and subscription_rules.can_resubscribe(state, was_confirmed=has_confirmed):
            state = SubscriberState.ACTIVE
        has_confirmed |= event is SubscriptionEvent.CONFIRM
        assert state is not SubscriberState.ACTIVE or has_confirmed
        if event is SubscriptionEvent.ERASE and state is not None:
            assert state is SubscriberState.ERASED


def test_the_limits_against_bombing() -> None:
    def admitted(*ages: timedelta, domain: int = 0, page: int = 0) -> Admission:
        return subscription_rules.admission(RecentMails([NOW - age for age in ages], domain, page), NOW)

    day = 24 * HOUR
    assert admitted() is Admission.SEND
    assert admitted(23 * HOUR) is Admission.DROP
    assert admitted(day) is Admission.SEND
    assert admitted(day, 2 * day, 3 * day) is Admission.DROP
    assert admitted(day, 2 * day, 31 * day) is Admission.SEND
    assert admitted(domain=50) is Admission.DROP
    assert admitted(page=50) is Admission.WAIT


def test_progress_is_mailed_every_30_minutes_and_a_new_stage_always() -> None:
    recent = NOW - timedelta(minutes=29)
    assert not subscription_rules.reaches_email(is_progress=True, last_mailed_at=recent, now=NOW)
    assert subscription_rules.reaches_email(is_progress=False, last_mailed_at=recent, now=NOW)
    assert subscription_rules.reaches_email(
        is_progress=True, last_mailed_at=NOW - timedelta(minutes=30), now=NOW
    )


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (SmtpReply(250, "2.0.0 OK"), None),
        (SmtpReply(550, "5.1.1 no such user"), Failure.ADDRESS),
        (SmtpReply(550, "5.7.1 blocked"), Failure.REFUSED),
        (SmtpReply(554, "no"), Failure.REFUSED),
        (SmtpReply(451, "4.7.1 greylisted"), Failure.TEMPORARY),
        (SmtpReply(530, "5.7.0 authenticate first", is_about_relay=True), Failure.TEMPORARY),
    ],
)
def test_what_an_answer_of_a_mail_server_means(reply: SmtpReply, failure: Failure | None) -> None:
    assert reply.failure is failure


def test_when_an_address_is_dead() -> None:
    def dead(*failed: tuple[int, Failure]) -> bool:
        return dead_addresses.is_dead(
            [FailedMail(NOW - timedelta(days=days), kind) for days, kind in failed], NOW
        )

    assert dead((0, Failure.ADDRESS))
    assert not dead((0, Failure.REFUSED))
    assert dead((6, Failure.REFUSED), (0, Failure.REFUSED))
    assert not dead((8, Failure.REFUSED), (0, Failure.REFUSED))
    temporary = [(days, Failure.TEMPORARY) for days in (8, 5, 3, 1, 0)]
    assert dead(*temporary)
    assert not dead(*temporary[1:])
    assert not dead(*((0, Failure.TEMPORARY) for _ in range(9)))


def test_5_percent_of_the_first_500_stop_the_line() -> None:
    assert dead_addresses.stops_the_line(25)
    assert not dead_addresses.stops_the_line(24)
    assert dead_addresses.is_among_first(499)
    assert not dead_addresses.is_among_first(500)


def test_retries_end_and_a_later_time_of_the_receiver_counts() -> None:
    waits = retries.HOOK_RETRIES
    assert [waits[0], waits[1], waits[-1]] == [timedelta(seconds=5), timedelta(minutes=5), 24 * HOUR]
    assert retries.retry_at(waits, 1, NOW, 1) == NOW + timedelta(seconds=5.5)
    assert retries.retry_at(waits, 1, NOW, 0, 60) == NOW + timedelta(minutes=1)
    assert retries.retry_at(waits, 9, NOW, 0) == NOW + 24 * HOUR
    assert retries.retry_at(waits, 10, NOW, 0) is None


def test_the_vector_of_a_signed_webhook() -> None:
    secret = b64decode("ZmlyZWJlbGwtdmVjdG9yLXNlY3JldC0zMi1ieXRlcyE=")
    body = hook_bodies.webhook_body("incident.updated", NOW, {"id": "h2k9w3c7x1ab"})
    assert body == (
        b'{"type":"incident.updated","timestamp":"2026-11-27T02:16:00Z","data":{"id":"h2k9w3c7x1ab"}}'
    )
    assert NOW.timestamp() == 1795745760
    signed = signature([secret], "msg_01k3", 1795745760, body)
    assert signed == "v1,woP7yJHwPnwv4CPwyHbqhptKW3xVoyY0Oz1qLQbf5Vg="
    headers = request_headers([secret, b"older"], "msg_01k3", NOW, body)
    assert headers["webhook-id"] == "msg_01k3"
    assert headers["webhook-signature"].split()[0] == signed
    assert len(headers["webhook-signature"].split()) == 2


def test_a_webhook_never_weighs_more_than_20_kb() -> None:
    updates = [{"id": str(i), "body": "é" * 9000} for i in range(30)]
    body = hook_bodies.webhook_body("incident.updated", NOW, {"id": "x", "incident_updates": updates})
    data = json.loads(body)["data"]
    assert len(body) <= hook_bodies.MAX_BODY_BYTES
    assert (data["truncated"], data["incident_updates"][0]["id"]) == (True, "0")


EMAIL, WEBHOOK = SubscriberChannel.EMAIL, SubscriberChannel.WEBHOOK


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        (EMAIL, "no-at"),
        (EMAIL, "a@b"),
        (EMAIL, "Mara <mara@kestrel.example>"),
        (EMAIL, "a@kestrel.example,b@kestrel.example"),
        (EMAIL, "a@kestrel.example\r\nBcc: b@x.example"),
        (EMAIL, "a\x00@kestrel.example"),
        (EMAIL, "postmaster@kestrel.example"),
        (EMAIL, "NoReply+x@kestrel.example"),
        (EMAIL, f"{'a' * 65}@kestrel.example"),
        (EMAIL, f"a@{'b.' * 130}example"),
        (WEBHOOK, "http://kestrel.example/hook"),
        (WEBHOOK, "https://user:pass@kestrel.example/hook"),
        (WEBHOOK, "ftp://kestrel.example"),
        (SubscriberChannel.SLACK, "https://hooks.slack.com.evil.example/services/T/B/x"),
        (SubscriberChannel.TEAMS, "https://webhook.office.com.evil.example/x"),
    ],
)
def test_an_address_that_cannot_be_written_to_is_refused_at_its_field(
    channel: SubscriberChannel, address: str
) -> None:
    with pytest.raises(Invalid) as refused:
        addresses.checked(channel, address)
    assert "address" in refused.value.fields


def test_two_addresses_are_the_same_but_for_the_case_of_the_domain() -> None:
    assert addresses.checked(EMAIL, " Mara@KESTREL.example ") == "Mara@kestrel.example"
    assert addresses.checked(EMAIL, "mara@bücher.example") == "mara@xn--bcher-kva.example"
    assert addresses.key_of(EMAIL, "Mara@kestrel.example") != addresses.key_of(EMAIL, "mara@kestrel.example")
    hook = addresses.checked(SubscriberChannel.SLACK, "https://hooks.slack.com/services/T0/B0/s3cret9")
    assert addresses.shown(SubscriberChannel.SLACK, hook) == "hooks.slack.com/…ret9"
    assert addresses.network_of("203.0.113.77") == "203.0.113.0/24"
    assert addresses.network_of("2001:db8:1:2::3") == "2001:db8:1::/48"


def test_a_csv_is_read_with_its_problems_by_line() -> None:
    text = (
        "\ufeffAddress,channel,components,contact,Language\r\nops@nordpost.example,,,\r\n"
        "ops@NORDPOST.example,,,,de\r\nit@alvik.example,email,checkout; Search,, DE \r\nbad,,,\r\n"
        "x@y.example,email,Nothing,\r\nhttps://hooks.kestrel.example/x,webhook,,ops@nordpost.example,en\r\n"
        "fr@y.example,,,,fr\r\n"
    )
    rows = csv_import.parse(text, {"checkout": 1, "search": 2}, ["en", "de"])
    assert [r.address for r in rows.requests] == [
        "ops@nordpost.example",
        "it@alvik.example",
        "https://hooks.kestrel.example/x",
    ]
    assert rows.requests[1].scope.component_ids == {1, 2}
    assert [r.locale for r in rows.requests] == ["", "de", ""]
    assert [line for line, _ in rows.problems] == [5, 6, 8]
    with pytest.raises(Invalid):
        csv_import.parse("mail\r\na@b.example\r\n", {}, ["en"])
    sample = csv_import.parse(csv_import.SAMPLE, {"checkout": 1, "search": 2}, ["en", "de"])
    assert (len(sample.requests), sample.problems) == (2, [])


def test_a_mail_can_be_unsubscribed_by_one_click_and_no_text_adds_a_header() -> None:
    envelope = mail_format.Envelope(
        *("ops@nordpost.example", "k1", Mailbox("", "status@kestrel.example"), "kestrel"),
        *("Kestrel\r\nBcc: x", "d7-0a", "https://f.example/u/T"),
    )
    text = mail_format.MailText(
        "A\r\nBcc: b@x.example", ["<b>"], ("Open", "https://f.example"), [("Bye", "https://x")]
    )
    mail = mail_format.compose(text, envelope, NOW).decode()
    head, _, body = mail.partition("\r\n\r\n")
    names = [line.partition(":")[0] for line in head.split("\r\n") if not line.startswith(" ")]
    assert "Bcc" not in names
    assert "List-Unsubscribe: <https://f.example/u/T>" in head
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    assert "Message-ID: <d7-0a.k1@kestrel.example>" in head
    assert "List-Id: <kestrel.status.kestrel.example>" in head
    assert "<b></p>" not in body


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.integers(200, 599)), max_size=30), st.data())
def test_a_journal_that_was_cut_off_never_calls_a_mail_sent_that_was_not_answered(
    mails_sent: list[tuple[int, bool, int]], data: st.DataObject
) -> None:
    text = "".join(
        f"begin {i}\n" + (f"end {i} {code}\n" if is_answered else "") for i, is_answered, code in mails_sent
    )
    cut = text[: data.draw(st.integers(0, len(text)))]
    known = journal.outcomes(cut.splitlines(), range(1, 10))
    for number, outcome in known.items():
        if outcome is JournaledOutcome.SENT:
            assert f"end {number} 2" in cut
        if outcome is JournaledOutcome.NOT_SENT:
            assert f"begin {number}\n" not in cut
