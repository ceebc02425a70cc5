"""When audiences and customers must hear about an incident (spec 7.13 and 7.16), by its vectors."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.audiences import clocks, webhooks
from firebell.audiences.clocks import AudienceFacts, Due, SeverityStep
from firebell.audiences.customers import csv_file as customer_csv
from firebell.audiences.model import (
    AudienceKind,
    Cadence,
    Customer,
    CustomerContact,
    DeliveryState,
    Moment,
    Occasion,
    Recipient,
)
from firebell.audiences.posts.delivery_store import ClaimedMail
from firebell.audiences.posts.mailer import compose, event_of, message_key, next_step
from firebell.audiences.posts.one_message_per_address import once_each
from firebell.audiences.settings import document as settings_document
from firebell.audiences.settings.defaults import SHIPPED
from firebell.channels.base import Accepted, Failed, Retry
from firebell.kit.errors import Invalid

NIGHT = datetime(2026, 11, 24, tzinfo=UTC)
COMPANY, SUPPORT, EXECUTIVES, CUSTOMERS = SHIPPED.audiences


def at(clock: str) -> datetime:
    """Return an instant of the night of the vectors; `24:00` and later are the next day."""
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    return NIGHT + timedelta(hours=hours, minutes=minutes, seconds=sum(seconds))


def facts(severity: int, *changes: tuple[str, int], **more: object) -> AudienceFacts:
    """Return an incident declared at 02:31, with its later changes of severity."""
    steps, before = [], severity
    for when, after in changes:
        steps.append(SeverityStep(at(when), before, after))
        before = after
    return AudienceFacts(at("02:31"), before, tuple(steps), **more)  # type: ignore[arg-type] # by keyword


@pytest.mark.parametrize(
    ("incident", "due"),
    [
        (facts(0), "03:31"),
        (facts(1), "03:31"),
        (facts(2), None),
        (facts(2, ("03:11", 1)), "03:41"),
        (facts(2, ("02:40", 0)), "03:31"),
        (facts(1, ("03:20", 0)), "03:31"),
        (facts(1, ("02:40", 2)), None),
        (facts(1, ("03:40", 2)), "03:31"),
        (facts(1, customers_impacted=False), None),
        (facts(1, customers_impacted=True), "03:31"),
    ],
)
def test_customers_of_a_major_incident_get_an_email_within_the_hour(
    incident: AudienceFacts, due: str | None
) -> None:
    expected = at(due) if due else None
    assert clocks.customer_mail_due(incident) == expected
    first = clocks.next_due(CUSTOMERS, incident, [])
    assert (first.at if first else None) == expected


@pytest.mark.parametrize(
    ("audience", "severity", "posts", "due", "moment"),
    [
        (SUPPORT, 0, [], "02:41", Moment.FIRST),
        (SUPPORT, 1, [], "02:46", Moment.FIRST),
        (SUPPORT, 1, ["02:44"], None, None),
        (EXECUTIVES, 0, [], "03:01", Moment.FIRST),
        (EXECUTIVES, 0, ["02:59"], "03:59", Moment.UPDATE),
        (EXECUTIVES, 1, [], "03:31", Moment.FIRST),
        (EXECUTIVES, 2, [], None, None),
        (CUSTOMERS, 1, ["03:20"], "07:20", Moment.UPDATE),
        (COMPANY, 2, [], "03:31", Moment.FIRST),
        (COMPANY, 3, [], None, None),
    ],
)
def test_each_audience_hears_at_its_own_times(
    audience: object, severity: int, posts: list[str], due: str | None, moment: Moment | None
) -> None:
    got = clocks.next_due(audience, facts(severity), [at(each) for each in posts])  # type: ignore[arg-type] # one of four
    assert (got.at if got else None) == (at(due) if due else None)
    assert (got.moment if got else None) == moment


def test_a_raise_shortens_and_a_lowering_only_frees_what_was_not_due() -> None:
    assert clocks.first_due(EXECUTIVES.cadence, facts(1, ("02:40", 0))) == at("03:01")
    assert clocks.first_due(EXECUTIVES.cadence, facts(1, ("03:00", 0))) == at("03:15")
    assert clocks.first_due(EXECUTIVES.cadence, facts(2, ("03:11", 0))) == at("03:26")
    assert clocks.first_due(EXECUTIVES.cadence, facts(0, ("02:40", 1))) == at("03:31")
    assert clocks.first_due(EXECUTIVES.cadence, facts(0, ("02:40", 2))) is None
    assert clocks.first_due(EXECUTIVES.cadence, facts(0, ("03:05", 2))) == at("03:01")
    hourly = replace(EXECUTIVES, cadence=(Cadence(15, 15), Cadence(30, 60), *EXECUTIVES.cadence[2:]))
    raised = clocks.next_due(hourly, facts(1, ("03:10", 0)), [at("03:00")])
    assert raised == Due(at("03:15"), Moment.UPDATE, at("03:00"))


def test_a_decision_is_reported_within_a_quarter_of_an_hour_and_only_once() -> None:
    decided = facts(0, occasions=((at("03:10"), Occasion.DECISION), (at("03:12"), Occasion.PUBLIC)))
    assert clocks.next_due(EXECUTIVES, decided, []) == Due(at("03:01"), Moment.FIRST, at("02:31"))
    due = clocks.next_due(EXECUTIVES, decided, [at("03:00")])
    assert due == Due(at("03:25"), Moment.UPDATE, at("03:10"), Occasion.DECISION)
    late = facts(0, occasions=((at("03:58"), Occasion.DECISION),))
    assert clocks.next_due(EXECUTIVES, late, [at("03:00")]) == Due(at("04:00"), Moment.UPDATE, at("03:00"))
    assert clocks.next_due(EXECUTIVES, decided, [at("03:00"), at("03:20")]) == Due(
        at("04:20"), Moment.UPDATE, at("03:20")
    )
    public = clocks.next_due(SUPPORT, decided, [at("02:40")])
    assert public == Due(at("03:27"), Moment.UPDATE, at("03:12"), Occasion.PUBLIC)


def test_after_closing_only_the_end_is_due() -> None:
    closed = facts(1, resolved_at=at("04:00"), closed_at=at("04:30"))
    assert clocks.next_due(EXECUTIVES, closed, [at("03:30")]) == Due(at("04:45"), Moment.END, at("04:30"))
    assert clocks.next_due(EXECUTIVES, closed, [at("03:30"), at("04:10")]) is None
    assert clocks.next_due(CUSTOMERS, closed, []) == Due(at("08:30"), Moment.END, at("04:30"))
    short = facts(1, resolved_at=at("02:50"), closed_at=at("03:20"))
    assert clocks.next_due(EXECUTIVES, short, []) is None, "they never had to know"
    assert clocks.next_due(COMPANY, closed, [at("03:30")]) is None
    assert clocks.post_resolution_due(closed) == at("08:30")
    assert clocks.post_resolution_due(replace(closed, customers_impacted=False)) is None
    assert clocks.post_resolution_due(facts(2, closed_at=at("04:30"))) is None
    assert clocks.post_resolution_sent(closed, [at("03:10"), at("05:00")]) == at("05:00")
    assert clocks.post_resolution_sent(closed, [at("03:10")]) is None


def test_a_post_is_late_a_quarter_of_its_time_after_it_was_due() -> None:
    def late(now: str, *posts: str) -> list[tuple[int, bool]]:
        sent = [at(each) for each in posts]
        return [
            (each.number, each.sent_at is None)
            for each in clocks.late_posts(EXECUTIVES, facts(0), sent, at(now))
        ]

    assert late("03:08") == []
    assert late("03:09") == [(0, True)]
    assert late("03:20", "03:09") == [(0, False)]
    assert late("04:15", "03:00") == []
    assert late("04:16", "03:00") == [(1, True)]
    assert late("05:00", "03:00", "04:20") == [(1, False)]


severities = st.lists(
    st.tuples(st.integers(1, 600), st.integers(0, 3)), max_size=5, unique_by=lambda each: each[0]
)


@given(st.integers(0, 3), severities)
def test_a_raise_never_makes_a_post_due_later(first: int, later: list[tuple[int, int]]) -> None:
    steps, before = [], first
    for minutes, after in sorted(later):
        if after != before:
            steps.append(SeverityStep(at("02:31") + timedelta(minutes=minutes), before, after))
            before = after
    for audience in SHIPPED.audiences:
        for number, step in enumerate(steps):
            earlier = AudienceFacts(at("02:31"), step.before, tuple(steps[:number]))
            raised = AudienceFacts(at("02:31"), step.after, tuple(steps[: number + 1]))
            old, new = (clocks.first_due(audience.cadence, each) for each in (earlier, raised))
            mail = [clocks.customer_mail_due(each) for each in (earlier, raised)]
            if step.after < step.before:
                assert old is None or (new is not None and new <= old)
                assert mail[0] is None or (mail[1] is not None and mail[1] <= mail[0])


def test_one_address_gets_one_message_and_the_text_for_customers_wins() -> None:
    ida, bo = Recipient("ida@nordpost.example", "Ida", "Nordpost"), Recipient("bo@kestrel.example", "Bo")
    members = {
        "executives": [Recipient("ida@nordpost.example", "Ida"), bo],
        "support": [bo],
        "customers": [ida, ida],
    }
    kept = once_each([EXECUTIVES, SUPPORT, CUSTOMERS], members)
    assert kept == {"executives": [bo], "support": [], "customers": [ida]}


def test_the_stored_audiences_are_the_same_when_they_are_read() -> None:
    document = settings_document.to_document(SHIPPED)
    assert settings_document.from_document(document, 0) == SHIPPED
    board = replace(EXECUTIVES, slug="board", name="Board", cadence=(Cadence(60), *EXECUTIVES.cadence[1:]))
    changed = replace(SHIPPED, audiences=(replace(EXECUTIVES, members=()), board))
    merged = settings_document.of_incident(SHIPPED, changed)
    assert [each.slug for each in merged.audiences] == [
        "executives",
        "board",
        "company",
        "support",
        "customers",
    ]
    assert merged.audience("executives") == replace(EXECUTIVES, members=())
    assert settings_document.changes(SHIPPED, changed)[:2] == ["added board", "removed company"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "Board room"}, "slug"),
        ({"name": " "}, "name"),
        ({"members": ("customers:affected",)}, "members"),
        ({"members": ("group:nobody",)}, "members"),
        ({"members": ("person:x",)}, "members"),
        ({"members": ("role:boss",)}, "members"),
        ({"members": ("webhook:http://hooks.example.org",)}, "members"),
        ({"members": ("webhook:https://user:pass@hooks.example.org",)}, "members"),
        ({"members": ("webhook:hooks.example.org",)}, "members"),
        ({"members": ("address:not one",)}, "members"),
        ({"members": ("address:a@b.example\nBcc: c@d.example",)}, "members"),
        ({"kind": AudienceKind.EXTERNAL}, "members"),
        ({"cadence": (Cadence(2), *EXECUTIVES.cadence[1:])}, "first-0"),
        ({"cadence": (Cadence(None, 60), *EXECUTIVES.cadence[1:])}, "first-0"),
        ({"templates": {**EXECUTIVES.templates, Moment.END: "nothing"}}, "template-end"),
    ],
)
def test_an_impossible_audience_is_refused_at_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        settings_document.checked(replace(EXECUTIVES, **change), {"executive-brief"})  # type: ignore[arg-type] # by keyword
    assert list(refused.value.fields) == [field]


def test_roles_and_addresses_are_members_and_the_audit_log_counts_addresses() -> None:
    hook = "webhook:https://hooks.example.org/T0/secret"
    members = ("role:comms", "address:Board@Kestrel.example", "address:board@kestrel.example", hook)
    board = settings_document.checked(replace(EXECUTIVES, members=members), {"executive-brief"})
    assert board.members == ("role:comms", "address:board@kestrel.example", hook)
    assert webhooks.without_path(hook) == "webhook:hooks.example.org"
    assert webhooks.shown("https://hooks.example.org/T0/secret") == "Webhook at hooks.example.org"
    assert settings_document.addresses_of(board) == ["board@kestrel.example"]
    after = replace(SHIPPED, audiences=(board,))
    lines = settings_document.changes(replace(SHIPPED, audiences=(EXECUTIVES,)), after)
    assert lines == ["executives: members is now ['role:comms', 'email addresses: 1', 'webhooks: 1']"]
    erased = settings_document.without_address(settings_document.to_document(after), "board@kestrel.example")
    assert erased["audiences"][0]["members"] == ["role:comms", hook]


def test_a_mail_says_in_its_language_why_it_comes() -> None:
    now = at("03:00")
    mail = ClaimedMail(
        *(1, 1, "a@b.example", "Ida", "Nordpost", "Subject", "Text", True, 0, now),
        audience="Partners",
        locale="de",
    )
    assert compose(mail).lines[-1].startswith("Sie erhalten diese Nachricht als Kontakt von Nordpost.")
    listed = compose(replace(mail, customer="", locale=""))
    assert "“Partners”" in listed.lines[-1]
    assert compose(replace(mail, is_external=False)).lines == ()
    event = event_of(mail, b"s" * 32)
    assert (event.type, event.lines, event.data["incident"]) == ("audience.post", (), "INC-1")
    assert event.signing_secrets == (b"s" * 32,)


def test_contacts_are_read_from_the_csv_that_is_written() -> None:
    text = "Customer,Contact,Email,Services,Language\nNordpost,Ida,Ida@Nordpost.example,checkout; search,DE\n,,,\n"
    [row] = customer_csv.parse(text)
    assert row.language == "de"
    assert (row.customer, row.name, row.address) == ("Nordpost", "Ida", "ida@nordpost.example")
    assert row.services == ("checkout", "search")
    customer = Customer(1, "=Nordpost", (3,), (), (CustomerContact(1, "", "+a@nordpost.example", "fr"),))
    [again] = customer_csv.parse(customer_csv.export([customer], {3: "checkout"}, {}))
    assert (again.customer, again.address, again.language) == ("=Nordpost", "+a@nordpost.example", "fr")
    assert again.services == ("checkout",)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("customer,contact\nA,b\n", "file"),
        ("customer,email\n", "file"),
        ("customer,email\nNordpost,ida@nordpost.example\nLumen,not an address\n", "line 3"),
        ("customer,email\n,ida@nordpost.example\n", "line 2"),
        ("customer,email,language\nNordpost,ida@nordpost.example,tlh\n", "line 2"),
        ('customer,email\n"Nordpost,ida@nordpost.example\n', "file"),
        ("customer,email\nNordpost,a@b.example\r\nBcc: eve@c.example\n", "line 3"),
    ],
)
def test_a_file_with_an_error_names_its_line(text: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        customer_csv.parse(text)
    assert list(refused.value.fields) == [field]


def test_a_message_is_tried_again_for_hours_and_then_fails() -> None:
    now, states = at("03:00"), []
    for attempt in range(5):
        state, _, again = next_step(attempt, Retry("greylisted"), now)
        states.append((state, (again - now) / timedelta(minutes=1)))
    assert states == [
        (DeliveryState.QUEUED, 5),
        (DeliveryState.QUEUED, 15),
        (DeliveryState.QUEUED, 60),
        (DeliveryState.QUEUED, 240),
        (DeliveryState.FAILED, 0),
    ]
    assert next_step(0, Retry("busy", after_s=900), now)[2] == at("03:15")
    assert next_step(0, Failed("no such user"), now)[0] is DeliveryState.FAILED
    assert next_step(2, Accepted("250"), now)[0] is DeliveryState.SENT


def test_a_message_that_got_the_id_of_a_lost_one_has_a_key_of_its_own() -> None:
    """A receiver ignores a repeated key."""
    lost = ClaimedMail(7, 3, "ops@example.org", "", "", "INC-3", "Down", False, 0, NIGHT)
    assert message_key(lost) == message_key(replace(lost, attempts=2))
    assert message_key(lost) != message_key(replace(lost, created_at=NIGHT + timedelta(hours=1)))
