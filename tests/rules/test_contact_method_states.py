"""The states of a contact method, who is paged through which, and the limits of codes (spec 10.3)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.people.model import ContactMethod, MethodState
from firebell.people.verification.rules import (
    CODE_VALID,
    MAX_TRIES,
    CodeOutcome,
    CodeRequest,
    IssuedCode,
    Limit,
    MethodEvent,
    clean_code,
    entry_of,
    is_second_failure,
    paged,
    refused_until,
    transition,
)

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
NEW, VERIFIED, SUSPECT, DISABLED = MethodState
STATES, EVENTS = st.sampled_from(MethodState), st.sampled_from(MethodEvent)
E = MethodEvent


def method(number: int, state: MethodState = NEW, *, exempt: bool = False) -> ContactMethod:
    return ContactMethod(
        number,
        1,
        "ntfy",
        f"topic-{number}",
        "",
        None if state is NEW else NOW,
        None,
        suspect_since=NOW if state in (SUSPECT, DISABLED) else None,
        unusable_since=NOW if state is DISABLED else None,
        exempt=exempt,
    )


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (NEW, E.CODE_ENTERED, VERIFIED),
        (NEW, E.ACCEPTED, NEW),
        (NEW, E.ADDRESS_FAILED, NEW),
        (NEW, E.GONE, NEW),
        (NEW, E.VERIFY_WITHIN_PASSED, None),
        (VERIFIED, E.CODE_ENTERED, VERIFIED),
        (VERIFIED, E.ACCEPTED, VERIFIED),
        (VERIFIED, E.ADDRESS_FAILED, SUSPECT),
        (VERIFIED, E.GONE, DISABLED),
        (VERIFIED, E.VERIFY_WITHIN_PASSED, VERIFIED),
        (SUSPECT, E.CODE_ENTERED, VERIFIED),
        (SUSPECT, E.ACCEPTED, SUSPECT),
        (SUSPECT, E.ADDRESS_FAILED, SUSPECT),
        (SUSPECT, E.GONE, DISABLED),
        (SUSPECT, E.VERIFY_WITHIN_PASSED, SUSPECT),
        (DISABLED, E.CODE_ENTERED, VERIFIED),
        (DISABLED, E.ACCEPTED, DISABLED),
        (DISABLED, E.ADDRESS_FAILED, DISABLED),
        (DISABLED, E.GONE, DISABLED),
        (DISABLED, E.VERIFY_WITHIN_PASSED, DISABLED),
    ],
)
def test_each_state_and_event_has_one_answer(
    state: MethodState, event: MethodEvent, after: MethodState | None
) -> None:
    assert transition(state, event) is after
    if (state, event) != (SUSPECT, E.ADDRESS_FAILED):
        assert transition(state, event, failed_recently=True) is after


def test_a_suspect_address_that_fails_again_is_disabled() -> None:
    assert transition(SUSPECT, E.ADDRESS_FAILED, failed_recently=True) is DISABLED


@given(STATES, EVENTS, st.booleans())
def test_nothing_but_a_code_verifies(state: MethodState, event: MethodEvent, recently: bool) -> None:
    if event is not E.CODE_ENTERED and state is not VERIFIED:
        assert transition(state, event, failed_recently=recently) is not VERIFIED


@given(STATES, st.lists(st.tuples(EVENTS, st.booleans())))
def test_a_code_always_brings_a_contact_method_back(
    state: MethodState, events: list[tuple[MethodEvent, bool]]
) -> None:
    for event, recently in events:
        state = transition(state, event, failed_recently=recently) or NEW
    assert transition(state, E.CODE_ENTERED) is VERIFIED


@pytest.mark.parametrize("state", MethodState)
def test_the_stored_instants_say_the_state(state: MethodState) -> None:
    assert method(1, state).state is state


@pytest.mark.parametrize(
    ("before", "second"),
    [
        (None, False),
        (timedelta(0), False),
        (timedelta(minutes=10), False),
        (timedelta(minutes=10, seconds=1), True),
        (timedelta(days=30), True),
        (timedelta(days=30, seconds=1), False),
    ],
)
def test_failures_of_one_cause_count_once_and_old_ones_not_at_all(
    before: timedelta | None, second: bool
) -> None:
    assert is_second_failure(None if before is None else NOW - before, NOW) is second


METHODS = st.lists(st.tuples(STATES, st.booleans()), max_size=5).map(
    lambda drawn: [method(i, state, exempt=exempt) for i, (state, exempt) in enumerate(drawn)]
)


@given(METHODS)
def test_no_state_silences_a_person_who_has_a_contact_method(methods: list[ContactMethod]) -> None:
    assert bool(paged(methods)) == bool(methods)
    assert [m for m in methods if m in paged(methods)] == paged(methods)


@given(METHODS)
def test_every_verified_one_is_paged_and_unverified_ones_only_without_them(
    methods: list[ContactMethod],
) -> None:
    verified = [m for m in methods if m.is_verified]
    assert [m for m in paged(methods) if m.is_verified] == verified
    if verified:
        assert all(m.is_verified or m.exempt for m in paged(methods))
        assert DISABLED not in {m.state for m in paged(methods)}


def test_the_only_one_is_paged_unverified_and_stops_when_another_is_verified() -> None:
    email, phone = method(1), method(2)
    assert paged([email, phone]) == [email, phone]
    assert paged([email, method(2, VERIFIED)]) == [method(2, VERIFIED)]
    assert paged([method(1, exempt=True), method(2, VERIFIED)]) == [
        method(1, exempt=True),
        method(2, VERIFIED),
    ]
    assert paged([method(1, DISABLED)]) == [method(1, DISABLED)]


def requests(*ages_s: float, method_id: int = 9, person: int = 9, address: str = "x") -> list[CodeRequest]:
    return [CodeRequest(person, "ntfy", address, method_id, NOW - timedelta(seconds=age)) for age in ages_s]


HOURS = 3600


@pytest.mark.parametrize(
    ("made", "limit", "wait_s"),
    [
        (requests(59, method_id=1), Limit.RESEND, 1),
        (requests(60, method_id=1), None, 0),
        (requests(*[20 * HOURS] * 5, address="topic-1"), Limit.ADDRESS, 4 * HOURS),
        (requests(*[20 * HOURS] * 4, address="topic-1"), None, 0),
        (requests(24 * HOURS, *[20 * HOURS] * 4, address="topic-1"), None, 0),
        (requests(*[23 * HOURS] * 10, person=1), Limit.PERSON, HOURS),
        (requests(*[23 * HOURS] * 9, person=1), None, 0),
        (requests(*[23 * HOURS] * 100), Limit.INSTALLATION, HOURS),
        (requests(*[23 * HOURS] * 99), None, 0),
    ],
)
def test_codes_are_limited_by_address_person_and_installation(
    made: list[CodeRequest], limit: Limit | None, wait_s: float
) -> None:
    refused = refused_until(method(1), made, NOW)
    assert refused == ((limit, NOW + timedelta(seconds=wait_s)) if limit else None)


@given(
    st.lists(
        st.builds(
            CodeRequest,
            st.integers(1, 3),
            st.just("ntfy"),
            st.sampled_from(["topic-1", "topic-2"]),
            st.integers(1, 3),
            st.integers(0, 100_000).map(lambda s: NOW - timedelta(seconds=s)),
        ),
        max_size=120,
    )
)
def test_a_refused_code_may_be_sent_when_its_wait_is_over(made: list[CodeRequest]) -> None:
    if refused := refused_until(method(1), made, NOW):
        assert refused[1] > NOW
        assert refused_until(method(1), made, refused[1]) is None


ISSUED = IssuedCode(7, NOW, (b"a", b"b"), 0, None)


@pytest.mark.parametrize(
    ("issued", "digest", "after", "entry"),
    [
        (None, b"a", timedelta(0), CodeOutcome.NONE_SENT),
        (ISSUED, b"a", timedelta(0), CodeOutcome.VERIFIED),
        (ISSUED, b"b", CODE_VALID - timedelta(seconds=1), CodeOutcome.VERIFIED),
        (ISSUED, b"c", timedelta(0), CodeOutcome.WRONG),
        (ISSUED, b"a", CODE_VALID, CodeOutcome.EXPIRED),
        (replace(ISSUED, tries=MAX_TRIES - 1), b"a", timedelta(0), CodeOutcome.VERIFIED),
        (replace(ISSUED, tries=MAX_TRIES), b"a", timedelta(0), CodeOutcome.TOO_MANY_TRIES),
        (replace(ISSUED, used_at=NOW), b"a", timedelta(0), CodeOutcome.USED),
        (replace(ISSUED, digests=()), b"a", timedelta(0), CodeOutcome.WRONG),
    ],
)
def test_a_code_is_valid_once_for_ten_minutes_and_five_tries(
    issued: IssuedCode | None, digest: bytes, after: timedelta, entry: CodeOutcome
) -> None:
    assert entry_of(issued, digest, NOW + after) is entry


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("482913", "482913"),
        (" 482 913\n", "482913"),
        ("482-913", "482913"),
        ("48291", ""),
        ("4829130", ""),
        ("٤٨٢٩١٣", "482913"),
        ("²48291", ""),
        ("48291a", ""),
        ("", ""),
        ("\0" * 6, ""),
    ],
)
def test_a_code_is_read_as_people_type_it(text: str, code: str) -> None:
    assert clean_code(text) == code
