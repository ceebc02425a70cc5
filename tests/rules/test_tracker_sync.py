"""Trackers, pure: three-way rules, mapping of each vendor, answers, texts, and signatures of webhooks."""

import base64
import hmac
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.action_items.model import (
    ActionItem,
    EscalatedTo,
    ItemEvent,
    ItemKind,
    ItemState,
    Priority,
    Strength,
)
from firebell.action_items.trackers import issue_text, jira, process_checks
from firebell.action_items.trackers.compared_values import directions
from firebell.action_items.trackers.hook_signatures import HookRequest, path_token
from firebell.action_items.trackers.model import Direction, LinkState, SyncField, Tracker, TrackerLink
from firebell.action_items.trackers.three_way import Conflict, merge
from firebell.action_items.trackers.vendor import Outcome
from firebell.action_items.trackers.vendor_registry import registry
from firebell.action_items.trackers.vendors import github, gitlab, linear
from firebell.kit import standard_webhooks

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
MARKER = "6f1c1d8e-3f5c-4a53-9f0c-0f6f2b7c9a11"
BOTH = dict.fromkeys(SyncField, Direction.BOTH)
TITLE, STATE, ASSIGNEE, DUE = SyncField.TITLE, SyncField.STATE, SyncField.ASSIGNEE, SyncField.DUE
RESET = "x-ratelimit-reset"
SPENT = {RESET: str(int(NOW.timestamp()) + 90)}
SECRET = standard_webhooks.secret_text(b"s" * 32)


def tracker(kind: str, target: str, **more: Any) -> Tracker:
    """Return a tracker as it was added."""
    values: dict[str, Any] = {
        "id": 1,
        "kind": kind,
        "name": kind,
        "url": "https://t.example",
        "target": target,
        "login": "",
        "key_hint": "",
        "key_hash": "",
        "is_private": False,
        "is_enabled": True,
        "links_new": False,
        "team_id": None,
        "directions": {},
        "options": {},
        "created_at": NOW,
        "stopped_reason": "",
        "failures": 0,
        "rests_until": None,
        "last_ok_at": None,
        "last_error": "",
        "last_error_at": None,
        "last_hook_at": None,
        "sweep_at": NOW,
        "swept_until": NOW,
    }
    return Tracker(**{**values, **more})


def item(**more: Any) -> ActionItem:
    """Return an open item."""
    values: dict[str, Any] = dict.fromkeys(ActionItem.__slots__)
    values |= {
        "id": 88,
        "title": "Add a timeout",
        "detail": "",
        "kind": ItemKind.PREVENT,
        "strength": Strength.GUARD,
        "priority": Priority.P2,
        "is_accepted": False,
        "due": date(2026, 12, 8),
        "state": ItemState.OPEN,
        "blocked_reason": "",
        "moved": 0,
        "evidence": (),
        "source_quote": "",
        "created_at": NOW,
        "created_by": "Mara",
        "changed_at": NOW,
        "dropped_reason": "",
        "risk_accepted_by": "",
        "escalated_to": EscalatedTo.NO_ONE,
        "reminded_until": NOW,
        "version": 1,
    }
    return ActionItem(**{**values, **more})


@pytest.mark.parametrize(
    ("name", "base", "ours", "theirs", "taken", "pushed", "conflict"),
    [
        # the vectors of 11.18
        (STATE, "open", "open", "done", "done", None, False),
        (STATE, "open", "in_progress", "done", "done", None, True),
        (DUE, "2026-12-01", "2026-12-08", "2026-12-05", None, "2026-12-08", True),
        (TITLE, "t", "t", "u", "u", None, False),
        (STATE, "open", "done", "open", None, "done", False),
        # both the same, a first meeting, and an owner who is unknown there
        (STATE, "open", "done", "done", None, None, False),
        (TITLE, None, "t", "u", None, "t", True),
        (STATE, None, "open", "done", "done", None, True),
        (ASSIGNEE, "a", "person:3", "a", None, None, False),
        (ASSIGNEE, "a", "person:3", "b", "b", None, True),
    ],
)
def test_each_field_is_merged_three_ways(
    name: SyncField,
    base: str | None,
    ours: str,
    theirs: str,
    taken: str | None,
    pushed: str | None,
    conflict: bool,
) -> None:
    snapshot = {} if base is None else {name: base}
    plan = merge(snapshot, {name: ours}, {name: theirs}, BOTH, {})
    assert (plan.take.get(name), plan.push.get(name), bool(plan.conflicts)) == (taken, pushed, conflict)
    assert plan.unknown_owner == (ours.startswith("person:") and taken is None)
    if plan.conflicts:
        one: Conflict = plan.conflicts[0]
        assert {one.kept, one.lost} == {ours, theirs}
        assert one.kept == (taken or pushed)


@pytest.mark.parametrize(
    ("direction", "base", "ours", "theirs", "taken", "pushed"),
    [
        (Direction.OUT, "t", "t", "u", None, None),
        (Direction.OUT, "t", "x", "u", None, "x"),
        (Direction.IN, "t", "x", "t", None, None),
        (Direction.IN, "t", "x", "u", "u", None),
        (Direction.OFF, "t", "x", "u", None, None),
    ],
)
def test_a_direction_lets_one_side_write(
    direction: Direction, base: str, ours: str, theirs: str, taken: str | None, pushed: str | None
) -> None:
    plan = merge({TITLE: base}, {TITLE: ours}, {TITLE: theirs}, {TITLE: direction}, {})
    assert (plan.take.get(TITLE), plan.push.get(TITLE), plan.conflicts) == (taken, pushed, ())


VALUES = st.fixed_dictionaries({name: st.sampled_from("abc") for name in SyncField})


@given(VALUES, VALUES, VALUES)
def test_the_rule_is_total_and_idempotent(base: Any, ours: Any, theirs: Any) -> None:
    """N16: after a sync both sides and the snapshot are equal, and another sync does nothing."""
    plan = merge(base, ours, theirs, BOTH, {})
    here, there = {**ours, **plan.take}, {**theirs, **plan.push}
    snapshot = {**base, **plan.agreed, **plan.take, **plan.push}
    assert here == there == snapshot
    again = merge(snapshot, here, there, BOTH, {})
    assert (again.take, again.push, again.conflicts) == ({}, {}, ())


@given(VALUES, VALUES, VALUES, st.sampled_from(list(SyncField)))
def test_what_was_refused_is_not_tried_again(base: Any, ours: Any, theirs: Any, name: SyncField) -> None:
    plan = merge(base, ours, theirs, BOTH, {name: (ours[name], theirs[name])})
    assert name not in {*plan.take, *plan.push, *(conflict.field for conflict in plan.conflicts)}


STATES = [
    (github, {"state": "open"}, "open"),
    (github, {"state": "closed", "state_reason": "completed"}, "done"),
    (github, {"state": "closed", "state_reason": None}, "done"),
    (github, {"state": "closed", "state_reason": "not_planned"}, "dropped"),
    (github, {"state": "closed", "state_reason": "duplicate"}, "dropped"),
    (gitlab, {"state": "opened", "labels": ["wontfix"]}, "open"),
    (gitlab, {"state": "closed", "labels": []}, "done"),
    (gitlab, {"state": "closed", "labels": ["wontfix"]}, "dropped"),
    *((linear, {"state": {"type": kind}}, "open") for kind in ("triage", "backlog", "unstarted", "?")),
    (linear, {"state": {"type": "started"}}, "in_progress"),
    (linear, {"state": {"type": "completed"}}, "done"),
    *((linear, {"state": {"type": kind}}, "dropped") for kind in ("canceled", "duplicate")),
]


@pytest.mark.parametrize(("vendor", "document", "state"), STATES)
def test_the_state_of_an_issue(vendor: Any, document: dict[str, Any], state: str) -> None:
    more = ("wontfix",) if vendor is gitlab else ()
    assert vendor.issue_from(document, *more).state == state


@pytest.mark.parametrize(
    ("category", "resolution", "state"),
    [
        ("new", None, "open"),
        ("undefined", None, "open"),
        ("indeterminate", None, "in_progress"),
        ("done", "Fixed", "done"),
        ("done", None, "done"),
        ("done", "won't do", "dropped"),
        ("new", "Won't Do", "open"),
    ],
)
def test_the_state_of_an_issue_of_jira(category: str, resolution: str | None, state: str) -> None:
    fields: dict[str, Any] = {"status": {"statusCategory": {"key": category}}}
    fields |= {"resolution": {"name": resolution}} if resolution else {}
    assert jira.state_from(tracker("jira_cloud", "PAY"), fields) == state


def _transition(number: str, category: str, **fields: Any) -> dict[str, Any]:
    return {"id": number, "to": {"statusCategory": {"key": category}}, "fields": fields}


def test_a_transition_is_never_guessed() -> None:
    one = tracker("jira_cloud", "PAY")
    names = [{"name": "Fixed"}, {"name": "Won't Do"}]
    resolution = {"required": True, "allowedValues": names}
    transitions = {
        "transitions": [
            _transition("11", "indeterminate"),
            _transition("21", "done", comment={"required": True}),
            _transition("31", "done", resolution=resolution),
        ]
    }
    wanted = {
        ItemState.IN_PROGRESS: {"transition": {"id": "11"}},
        ItemState.DONE: {"transition": {"id": "31"}, "fields": {"resolution": {"name": "Fixed"}}},
        ItemState.DROPPED: {"transition": {"id": "31"}, "fields": {"resolution": {"name": "Won't Do"}}},
        ItemState.OPEN: None,
    }
    for state, body in wanted.items():
        assert jira.transition_body(one, transitions, state) == body
    only_done = {"transitions": [_transition("41", "done")]}
    assert jira.transition_body(one, only_done, ItemState.DONE) == {"transition": {"id": "41"}}
    assert jira.transition_body(one, only_done, ItemState.DROPPED) is None
    assert jira.transition_body(one, {"transitions": "none"}, ItemState.DONE) is None


@pytest.mark.parametrize(
    ("kind", "status", "headers", "text", "outcome", "after_s"),
    [
        ("github", 403, {}, "Resource not accessible", Outcome.FORBIDDEN, None),
        ("github", 403, {"retry-after": "30"}, "", Outcome.TOO_FAST, 30),
        ("github", 403, {}, "You have exceeded a secondary rate limit", Outcome.TOO_FAST, 60),
        (
            "github",
            403,
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 90)},
            "",
            Outcome.TOO_FAST,
            90,
        ),
        ("github", 410, {}, "{}", Outcome.GONE, None),
        ("github", 404, {}, "{}", Outcome.NOT_FOUND, None),
        ("github", 301, {"location": "https://t.example/x"}, "{}", Outcome.MOVED, None),
        ("github", 401, {}, "{}", Outcome.TOKEN_REFUSED, None),
        ("github", 201, {}, "<html>", Outcome.UNKNOWN, None),
        ("github", 500, {}, "", Outcome.UNKNOWN, None),
        ("gitlab", 429, {"ratelimit-reset": str(int(NOW.timestamp()) + 40)}, "", Outcome.TOO_FAST, 40),
        ("jira_cloud", 429, {"retry-after": "12"}, "", Outcome.TOO_FAST, 12),
        ("jira_cloud", 204, {}, "", Outcome.OK, None),
        # the last call of a period was done, and the next one waits for its end
        ("github", 200, {**SPENT, "x-ratelimit-remaining": "0"}, "{}", Outcome.OK, 90),
        ("github", 200, {**SPENT, "x-ratelimit-remaining": "1"}, "{}", Outcome.OK, None),
        ("gitlab", 201, {"ratelimit-remaining": "0", "ratelimit-reset": SPENT[RESET]}, "{}", Outcome.OK, 90),
        (
            "jira_cloud",
            200,
            {"x-ratelimit-remaining": "0", RESET: "2026-11-24T10:01Z"},
            "{}",
            Outcome.OK,
            None,
        ),
        (
            "linear",
            200,
            {
                "x-ratelimit-requests-remaining": "0",
                "x-ratelimit-requests-reset": str(int(NOW.timestamp() * 1000) + 5000),
            },
            '{"data": {}}',
            Outcome.OK,
            5,
        ),
        (
            "linear",
            400,
            {"x-ratelimit-requests-reset": str(int(NOW.timestamp() * 1000) + 5000)},
            '{"errors": [{"message": "x", "extensions": {"code": "RATELIMITED"}}]}',
            Outcome.TOO_FAST,
            5,
        ),
        (
            "linear",
            200,
            {},
            '{"errors": [{"message": "Entity not found: Issue", "extensions": {"code": "INPUT_ERROR"}}]}',
            Outcome.NOT_FOUND,
            None,
        ),
        (
            "linear",
            400,
            {},
            '{"errors": [{"message": "no", "extensions": {"code": "AUTHENTICATION_ERROR"}}]}',
            Outcome.TOKEN_REFUSED,
            None,
        ),
    ],
)
def test_what_an_answer_means(
    kind: str, status: int, headers: dict[str, str], text: str, outcome: Outcome, after_s: float | None
) -> None:
    answer = registry()[kind].api.answer(status, headers, text, NOW, is_write=True)
    assert (answer.outcome, answer.after_s) == (outcome, after_s)


@pytest.mark.parametrize(
    ("kind", "text", "fields"),
    [
        ("github", '{"errors": [{"field": "assignees", "code": "invalid"}]}', {ASSIGNEE}),
        ("gitlab", '{"message": {"due_date": ["is invalid"]}}', {DUE}),
        ("jira_cloud", '{"errors": {"duedate": "cannot be set", "assignee": "no"}}', {DUE, ASSIGNEE}),
        ("jira_cloud", '{"errors": {"duedate": "cannot be set", "customfield_1": "required"}}', set()),
        ("jira_cloud", "not JSON", set()),
    ],
)
def test_which_fields_were_refused(kind: str, text: str, fields: set[SyncField]) -> None:
    assert registry()[kind].api.answer(400, {}, text, NOW, is_write=True).fields == fields


@pytest.mark.parametrize(
    ("kind", "target", "text", "issue_id"),
    [
        ("github", "acme/shop", "#12", "acme/shop#12"),
        ("github", "acme/shop", "https://github.com/Acme/Shop/issues/12", "acme/shop#12"),
        ("github", "acme/shop", "https://github.com/acme/shop/pull/12", None),
        ("github", "acme/shop", "acme/other#12", None),
        ("github", "acme/shop", "twelve", None),
        ("gitlab", "acme/web", "https://gitlab.com/acme/web/-/issues/7", "acme%2Fweb#7"),
        ("gitlab", "acme/web", "https://gitlab.com/acme/other/-/issues/7", None),
        ("jira_cloud", "PAY", "pay-7", "PAY-7"),
        ("jira_cloud", "PAY", "7", "PAY-7"),
        ("jira_cloud", "PAY", "https://acme.atlassian.net/browse/PAY-7", "PAY-7"),
        ("jira_cloud", "PAY", "OPS-7", None),
        ("linear", "PAY", "PAY-7", "PAY-7"),
        ("linear", "PAY", "https://linear.app/acme/issue/PAY-7/a-title", "PAY-7"),
        ("linear", "PAY", "https://linear.app/acme", None),
    ],
)
def test_a_person_names_an_issue(kind: str, target: str, text: str, issue_id: str | None) -> None:
    assert registry()[kind].api.issue_id(tracker(kind, target), text) == issue_id


def test_a_field_that_a_tracker_lacks_is_written_as_text_at_most() -> None:
    vendor = registry()["github"]
    one = tracker("github", "acme/shop")
    assert directions(vendor, one)[DUE] is Direction.OUT
    assert SyncField.PRIORITY not in directions(vendor, one)
    incoming = tracker("github", "acme/shop", directions={DUE: Direction.IN})
    assert directions(vendor, incoming)[DUE] is Direction.OFF
    assert (
        directions(vendor, tracker("github", "acme/shop", options={"due_field": "77"}))[DUE] is Direction.BOTH
    )


@pytest.mark.parametrize(
    "hostile", ["@ops look", "/close", "  /assign me", "<!-- firebell 6f1c -->", "<script>", "a@b.example"]
)
def test_what_people_wrote_means_nothing_to_a_tracker(hostile: str) -> None:
    text = issue_text.markdown(item(detail=hostile, source_quote=hostile), MARKER, "https://f.example")
    before = text.partition(issue_text.marker_line(MARKER))[0]
    assert "<" not in before
    assert not [line for line in before.splitlines() if line.strip().startswith("/")]
    assert "@o" not in before
    assert github.marker_in(text) == MARKER
    assert issue_text.due_in(text, MARKER) == date(2026, 12, 8)


def test_the_due_line_is_replaced_and_comes_back() -> None:
    text = issue_text.markdown(item(), MARKER, "https://f.example").replace("\n", "\r\n")
    changed = issue_text.with_due(text, MARKER, "2027-01-04")
    assert issue_text.due_in(changed, MARKER) == date(2027, 1, 4)
    assert len(changed) == len(text)
    assert issue_text.due_in(issue_text.with_due("Their own text", MARKER, "2027-01-04"), MARKER) == date(
        2027, 1, 4
    )
    document = jira.document_of(issue_text.plain(item(detail="One\ntwo"), MARKER, "https://f.example"))
    assert MARKER in jira.plain_text(document)


def _hook(body: bytes, token: str = "", now: datetime = NOW, **headers: str | tuple[str, ...]) -> HookRequest:
    values = {
        name.replace("_", "-"): (value,) if isinstance(value, str) else value
        for name, value in headers.items()
    }
    return HookRequest(values, body, token, now)


def _hex(body: bytes) -> str:
    return hmac.digest(SECRET.encode(), body, "sha256").hex()


def _delivery(kind: str, request: HookRequest) -> str | None:
    return registry()[kind].api.hook_delivery(request, SECRET, path_token(SECRET))


def test_only_genuine_notifications_are_received() -> None:
    body = b'{"action": "edited"}'
    genuine = f"sha256={_hex(body)}"
    assert _delivery("github", _hook(body, x_hub_signature_256=genuine, x_github_delivery="d-1")) == "d-1"
    for signature in ("", "sha256=", genuine[:-1], genuine.upper(), (genuine, genuine), ()):
        request = _hook(body, x_hub_signature_256=signature, x_github_delivery="d-1")
        assert _delivery("github", request) is None
    assert _delivery("github", _hook(body + b" ", x_hub_signature_256=genuine, x_github_delivery="d")) is None

    assert (
        _delivery("jira_cloud", _hook(body, x_hub_signature=genuine, x_atlassian_webhook_identifier="7"))
        == "7"
    )
    assert _delivery("jira_cloud", _hook(body, path_token(SECRET))) is not None
    assert _delivery("jira_cloud", _hook(body, "another")) is None
    assert _delivery("jira_cloud", _hook(body)) is None
    # a wrong signature is not saved by the token of the address
    assert _delivery("jira_cloud", _hook(body, path_token(SECRET), x_hub_signature="sha256=00")) is None

    stamp = str(int(NOW.timestamp()))
    signature = standard_webhooks.signature([base64.b64decode(SECRET[6:])], "m-1", int(stamp), body)
    signed: dict[str, Any] = {"webhook_id": "m-1", "webhook_timestamp": stamp, "webhook_signature": signature}
    assert _delivery("gitlab", _hook(body, idempotency_key="k-1", **signed)) == "k-1"
    late = datetime(2026, 11, 24, 10, 6, tzinfo=UTC)
    assert _delivery("gitlab", _hook(body, now=late, **signed)) is None
    assert _delivery("gitlab", _hook(body, x_gitlab_token=SECRET, x_gitlab_event_uuid="u-1")) == "u-1"
    assert _delivery("gitlab", _hook(body, x_gitlab_token="guess")) is None
    assert _delivery("gitlab", _hook(body, x_gitlab_token=SECRET, webhook_signature="v1,x")) is None
    assert _delivery("gitlab", _hook(body)) is None

    def linear_hook(at_s: float) -> HookRequest:
        text = json.dumps({"type": "Issue", "webhookTimestamp": int(at_s * 1000)}).encode()
        return _hook(text, linear_signature=_hex(text), linear_delivery="l-1")

    assert _delivery("linear", linear_hook(NOW.timestamp() - 59)) == "l-1"
    assert _delivery("linear", linear_hook(NOW.timestamp() - 61)) is None
    assert _delivery("linear", _hook(b"[]", linear_signature=_hex(b"[]"), linear_delivery="l-1")) is None


UNREADABLE: list[Any] = [[], "x", 7, None, {"issue": []}]


@pytest.mark.parametrize(
    ("kind", "document", "ids"),
    [
        ("github", {"repository": {"full_name": "Acme/Shop"}, "issue": {"number": 3}}, ["acme/shop#3"]),
        (
            "gitlab",
            {"object_kind": "issue", "project": {"id": 5}, "object_attributes": {"iid": 3}},
            ["5#3"],
        ),
        ("gitlab", {"object_kind": "push", "project": {"id": 5}, "object_attributes": {"iid": 3}}, []),
        ("jira_cloud", {"issue": {"id": "10012"}}, ["10012"]),
        ("linear", {"type": "Issue", "data": {"id": "x"}}, ["x"]),
        ("linear", {"type": "Comment", "data": {"id": "x"}}, []),
        *((kind, document, []) for kind in registry() for document in UNREADABLE),
    ],
)
def test_which_issues_a_notification_names(kind: str, document: Any, ids: list[str]) -> None:
    assert list(registry()[kind].api.hook_issues(tracker(kind, "x"), document)) == ids


def test_findings_of_links() -> None:
    values: dict[str, Any] = dict.fromkeys(TrackerLink.__slots__)
    values |= {"id": 1, "item_id": 88, "tracker_id": 1, "standoffs": {}, "error": "why"}

    def codes(*, conflict: bool = False, **more: Any) -> list[str]:
        link = TrackerLink(**{**values, **more})
        event = ItemEvent(
            88, 3, NOW, "GitHub", "due", "a", "b", "Both changed.", "tracker:1", is_conflict=True
        )
        conflicts = {88: [event]} if conflict else {}
        one = tracker("github", "acme/shop")
        return [f.code for f in process_checks.findings("INC-1", [item()], {88: [link]}, {1: one}, conflicts)]

    assert codes(state=LinkState.LINKED) == []
    assert codes(state=LinkState.LINKED, conflict=True) == ["X-CONFLICT"]
    assert codes(state=LinkState.GONE) == ["X-GONE"]
    assert codes(state=LinkState.ERROR) == ["X-ACCESS"]
    pairs = {ASSIGNEE: ("person:1", ""), TITLE: ("a", "b")}
    assert codes(state=LinkState.LINKED, standoffs=pairs) == ["X-ASSIGNEE", "X-REFUSED"]
