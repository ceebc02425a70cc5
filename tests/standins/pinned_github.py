"""What Firebell uses of GitHub's REST API, as its OpenAPI description says it."""

from datetime import date

from tests.standins.pinned_api import (
    INSTANT,
    NUMBER,
    TEXT,
    Description,
    Kind,
    Operation,
    digits,
    many,
    maybe,
    one_of,
    open_thing,
    thing,
)

_PAGES = {"per_page": digits(100), "page": digits(999)}
_REASON = one_of("completed", "not_planned", "duplicate", "reopened")
_VALUE = thing("field_id value", field_id=NUMBER, value=Kind((str, int, float, list)))
_VALUES = many(_VALUE, at_most=25)
_LABELS = many(TEXT)
_USER = thing("login id", login=TEXT, id=NUMBER)
ISSUE = thing(
    "id number title state html_url repository_url assignees labels updated_at",
    id=NUMBER,
    number=NUMBER,
    title=TEXT,
    body=maybe(TEXT),
    state=one_of("open", "closed"),
    state_reason=maybe(_REASON),
    assignees=many(_USER),
    labels=_LABELS,
    html_url=TEXT,
    repository_url=TEXT,
    updated_at=INSTANT,
    pull_request=thing("url", url=TEXT),
)
_FIELD_VALUES = many(
    thing("issue_field_id", issue_field_id=NUMBER, node_id=TEXT, data_type=TEXT, value=maybe(TEXT))
)
_ONE = "/repos/{owner}/{repo}/issues/{issue_number}"

GITHUB = Description(
    source="github/rest-api-description: descriptions/api.github.com/api.github.com.2026-03-10.yaml (MIT)",
    version="2026-03-10, commit 0000036e42b5e7121c2b1ac244cb7bba1d2f3914",
    read_on=date(2026, 11, 29),
    operations=(
        Operation("GET", "/repos/{owner}/{repo}"),
        Operation("GET", "/users/{username}"),
        Operation("GET", "/orgs/{org}/issue-fields"),
        Operation("GET", "/repositories/{repository_id}/issues/{issue_number}", answers={200: ISSUE}),
        Operation(
            "GET",
            "/repos/{owner}/{repo}/issues",
            query={
                **dict.fromkeys(("milestone", "assignee", "type", "creator", "mentioned", "labels"), TEXT),
                "state": one_of("open", "closed", "all"),
                "sort": one_of("created", "updated", "comments"),
                "direction": one_of("asc", "desc"),
                "since": INSTANT,
                **_PAGES,
            },
            answers={200: many(ISSUE, at_most=100)},
        ),
        Operation(
            "POST",
            "/repos/{owner}/{repo}/issues",
            body=thing(
                "title",
                title=Kind((str, int)),
                body=TEXT,
                milestone=maybe(Kind((str, int))),
                labels=_LABELS,
                assignees=many(TEXT),
                issue_field_values=_VALUES,
                type=maybe(TEXT),
                parent_issue_id=NUMBER,
            ),
            answers={201: ISSUE},
        ),
        Operation("GET", _ONE, answers={200: ISSUE}),
        Operation(
            "PATCH",
            _ONE,
            body=thing(
                title=maybe(Kind((str, int))),
                body=maybe(TEXT),
                state=one_of("open", "closed"),
                state_reason=maybe(_REASON),
                duplicate_issue_id=NUMBER,
                milestone=maybe(Kind((str, int))),
                labels=_LABELS,
                assignees=many(TEXT),
                issue_field_values=_VALUES,
                type=maybe(TEXT),
            ),
            answers={200: ISSUE},
        ),
        Operation("GET", f"{_ONE}/events", query=_PAGES),
        Operation("GET", f"{_ONE}/issue-field-values", query=_PAGES, answers={200: _FIELD_VALUES}),
        Operation(
            "POST",
            f"{_ONE}/issue-field-values",
            body=thing(issue_field_values=_VALUES),
            answers={200: _FIELD_VALUES},
        ),
        Operation("GET", "/repos/{owner}/{repo}/installation"),
        Operation(
            "POST",
            "/app/installations/{installation_id}/access_tokens",
            body=thing(
                repositories=many(TEXT, at_most=500),
                repository_ids=many(NUMBER, at_most=500),
                permissions=open_thing(issues=one_of("read", "write")),
            ),
            answers={
                201: thing("token expires_at", token=TEXT, expires_at=INSTANT, permissions=open_thing())
            },
        ),
    ),
)
