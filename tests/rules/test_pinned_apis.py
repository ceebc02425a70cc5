"""The pinned descriptions refuse what the APIs of other products do not have, so that tests notice it."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from firebell.action_items.trackers.vendors import linear
from tests.standins import pinned_linear
from tests.standins.pinned_api import Description
from tests.standins.pinned_github import GITHUB
from tests.standins.pinned_gitlab import GITLAB
from tests.standins.pinned_jira import JIRA_CLOUD, JIRA_DATA_CENTER
from tests.standins.pinned_opsgenie import OPSGENIE
from tests.standins.pinned_pagerduty import PAGERDUTY

ISSUES = "/repos/acme/shop/issues"
PROJECT = "/api/v4/projects/5/issues"
DOCUMENT = {"type": "doc", "version": 1, "content": []}
EVENTS = json.loads((Path(__file__).parents[1] / "sources/samples/pagerduty-v2.json").read_text())


@pytest.mark.parametrize(
    ("api", "method", "path", "query", "body", "is_right"),
    [
        (GITHUB, "GET", ISSUES, {"state": "all", "since": "2026-11-24T10:00:00Z", "page": "1"}, None, True),
        (GITHUB, "GET", ISSUES, {"state": "opened"}, None, False),
        (GITHUB, "GET", ISSUES, {"since": "yesterday"}, None, False),
        (GITHUB, "GET", ISSUES, {"per_page": "1000"}, None, False),
        (GITHUB, "GET", ISSUES, {"updated_after": "2026-11-24T10:00:00Z"}, None, False),
        (GITHUB, "POST", ISSUES, {}, {"title": "t", "labels": ["a"], "assignees": ["b"]}, True),
        (GITHUB, "POST", ISSUES, {}, {"body": "no title"}, False),
        (GITHUB, "POST", ISSUES, {}, {"title": "t", "assignee_ids": [1]}, False),
        (GITHUB, "PUT", f"{ISSUES}/1", {}, {"title": "t"}, False),
        (GITHUB, "PATCH", f"{ISSUES}/1", {}, {"state": "closed", "state_reason": "not_planned"}, True),
        (GITHUB, "PATCH", f"{ISSUES}/1", {}, {"state": "done"}, False),
        (GITHUB, "PATCH", f"{ISSUES}/1", {}, {"state_reason": "wontfix"}, False),
        (
            GITHUB,
            "POST",
            f"{ISSUES}/1/issue-field-values",
            {},
            {"issue_field_values": [{"field_id": 7}]},
            False,
        ),
        (GITHUB, "POST", "/app/installations/7/access_tokens", {}, {"repositories": ["shop"]}, True),
        (GITHUB, "POST", "/app/installations/7/access_tokens", {}, {"repository": "shop"}, False),
        (GITLAB, "GET", PROJECT, {"scope": "all", "order_by": "created_at"}, None, True),
        (GITLAB, "GET", PROJECT, {"scope": "everything"}, None, False),
        (GITLAB, "POST", PROJECT, {}, {"title": "t", "due_date": "2026-12-01", "assignee_ids": [1]}, True),
        (GITLAB, "POST", PROJECT, {}, {"title": "t", "due_date": "1 Dec"}, False),
        (GITLAB, "POST", PROJECT, {}, {"title": "t", "assignee_ids": ["mara"]}, False),
        (GITLAB, "PUT", f"{PROJECT}/1", {}, {"state_event": "closed"}, False),
        (JIRA_CLOUD, "POST", "/rest/api/3/issue", {}, {"fields": {"description": DOCUMENT}}, True),
        (JIRA_CLOUD, "POST", "/rest/api/3/issue", {}, {"fields": {"description": "text"}}, False),
        (JIRA_CLOUD, "POST", "/rest/api/3/issue", {}, {"fields": {"assignee": {"name": "jun"}}}, False),
        (JIRA_CLOUD, "POST", "/rest/api/3/issue", {}, {"fields": {"labels": ["two words"]}}, False),
        (JIRA_CLOUD, "POST", "/rest/api/3/search", {}, {"jql": "x"}, False),
        (JIRA_CLOUD, "POST", "/rest/api/3/search/jql", {}, {"jql": "x", "startAt": 0}, False),
        (JIRA_DATA_CENTER, "POST", "/rest/api/2/search", {}, {"jql": "x", "startAt": 0}, True),
        (JIRA_DATA_CENTER, "POST", "/rest/api/2/issue", {}, {"fields": {"description": DOCUMENT}}, False),
        (JIRA_CLOUD, "POST", "/rest/api/3/issue/1/transitions", {}, {"fields": {}}, False),
    ],
)
def test_a_call_is_what_the_description_says(
    api: Description, method: str, path: str, query: dict[str, str], body: Any, is_right: bool
) -> None:
    assert (api.wrong_call(method, path, query, body) == []) is is_right


@pytest.mark.parametrize(
    ("api", "method", "path", "status", "document"),
    [
        (GITHUB, "GET", f"{ISSUES}/1", 200, {"number": 1}),
        (GITHUB, "GET", ISSUES, 200, [{"number": "1"}]),
        (GITLAB, "GET", f"{PROJECT}/1", 200, {"state": "open"}),
        (JIRA_CLOUD, "POST", "/rest/api/3/search/jql", 200, {"issues": [], "total": 0}),
        (
            JIRA_CLOUD,
            "POST",
            "/rest/api/3/issue",
            201,
            {"id": "1", "key": "PAY-1", "self": "x", "fields": {}},
        ),
    ],
)
def test_an_answer_is_what_the_description_says(
    api: Description, method: str, path: str, status: int, document: Any
) -> None:
    assert api.wrong_answer(method, path, status, document)
    assert api.wrong_answer(method, path, 404, {"message": "Not Found"}) == []


@pytest.mark.parametrize("name", ["minimal", "full", "acknowledge", "resolve"])
def test_a_sample_of_pagerduty_is_what_its_description_says(name: str) -> None:
    assert PAGERDUTY.wrong_call("POST", "/v2/enqueue", {}, {**EVENTS[name], "routing_key": "k" * 32}) == []


@pytest.mark.parametrize(
    ("method", "path", "status", "document"),
    [
        ("POST", "/v2/alerts", 202, {"result": "Request will be processed", "took": 0.1}),
        ("GET", "/v2/alerts/1", 200, {"data": {"id": "1", "details": {"n": 1}}, "took": 0, "requestId": "r"}),
        ("POST", "/v2/alerts/1/close", 404, {"detail": "No such alert.", "took": 0, "requestId": "r"}),
    ],
)
def test_an_answer_that_opsgenie_would_not_give_is_wrong(
    method: str, path: str, status: int, document: Any
) -> None:
    assert OPSGENIE.wrong_answer(method, path, status, document)


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (linear.READ, {"id": "PAY-1"}),
        (linear.TEAM, {"filter": {"key": {"eq": "PAY"}}}),
        (linear.CREATE, {"input": {"teamId": "t", "title": "t", "priority": 2, "dueDate": "2026-12-01"}}),
        (linear.UPDATE, {"id": "i", "input": {"assigneeId": None, "stateId": "s"}}),
        (linear.CHANGED, {"filter": {"updatedAt": {"gte": "2026-11-24T10:00:00Z"}}, "after": None}),
        (linear.USERS, {"filter": {"email": {"eqIgnoreCase": "jun@example.org"}}}),
        (linear.PROOFS, {"id": "i"}),
    ],
)
def test_each_query_fits_the_schema_of_linear(query: str, variables: dict[str, Any]) -> None:
    assert pinned_linear.wrong_call({"query": query, "variables": variables}) == []
    assert pinned_linear.wrong_call({"query": query, "variables": {**variables, "more": 1}})
    assert pinned_linear.wrong_call({"query": query.replace("id", "uid"), "variables": variables})


@pytest.mark.parametrize(
    "values",
    [{"title": "t"}, {"teamId": "t", "dueOn": "2026-12-01"}, {"teamId": "t", "priority": "high"}],
)
def test_an_input_fits_the_schema_of_linear(values: dict[str, Any]) -> None:
    assert pinned_linear.wrong_call({"query": linear.CREATE, "variables": {"input": values}})


def test_each_pinned_part_says_where_it_is_from() -> None:
    for api in (GITHUB, GITLAB, JIRA_CLOUD, JIRA_DATA_CENTER, OPSGENIE, PAGERDUTY):
        assert api.source
        assert api.version
        assert api.read_on >= date(2026, 11, 29)
