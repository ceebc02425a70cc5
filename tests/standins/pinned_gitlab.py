"""What Firebell uses of GitLab's REST API, as GitLab's client for Go and `lib/api/issues.rb` say it."""

from datetime import date

from tests.standins.pinned_api import (
    ANYTHING,
    DAY,
    INSTANT,
    NUMBER,
    TEXT,
    TRUTH,
    Description,
    Kind,
    Operation,
    digits,
    many,
    maybe,
    one_of,
    thing,
)

_PAGES = {"per_page": digits(100), "page": digits(999)}
_USER = thing("id username", id=NUMBER, username=TEXT)
ISSUE = thing(
    "id iid project_id title description state labels assignees due_date web_url references",
    id=NUMBER,
    iid=NUMBER,
    project_id=NUMBER,
    title=TEXT,
    description=maybe(TEXT),
    state=one_of("opened", "closed"),
    labels=many(TEXT),
    assignees=many(_USER),
    due_date=maybe(DAY),
    moved_to_id=maybe(NUMBER),
    web_url=TEXT,
    references=thing("short", short=TEXT),
    created_at=INSTANT,
    updated_at=INSTANT,
)
_WRITTEN = {
    "title": TEXT,
    "description": TEXT,
    "confidential": TRUTH,
    "assignee_ids": many(NUMBER),
    "milestone_id": NUMBER,
    "labels": TEXT,
    "due_date": DAY,
    "weight": NUMBER,
    "issue_type": TEXT,
}
_ONE = "/api/v4/projects/{id}/issues/{issue_iid}"

GITLAB = Description(
    source="xanzy/go-gitlab: issues.go (Apache-2.0); enumerations: gitlabhq/gitlabhq: lib/api/issues.rb (MIT)",
    version="v4, commits 68add0327e425160bc0933fb3fae4cdfaec950d5 and 006631f8823c1dfe43cc7b9ed7e47a11a3d3809c",
    read_on=date(2026, 11, 29),
    operations=(
        Operation("GET", "/api/v4/projects/{id}"),
        Operation(
            "GET",
            "/api/v4/users",
            query={"search": TEXT, "username": TEXT},
            answers={200: many(_USER, at_most=100)},
        ),
        Operation(
            "GET",
            "/api/v4/projects/{id}/issues",
            query={
                "scope": one_of("created_by_me", "assigned_to_me", "all"),
                "state": one_of("opened", "closed", "all"),
                "order_by": one_of("created_at", "updated_at"),
                "sort": one_of("asc", "desc"),
                "updated_after": INSTANT,
                "updated_before": INSTANT,
                "labels": TEXT,
                **_PAGES,
            },
            answers={200: many(ISSUE, at_most=100)},
        ),
        Operation(
            "POST",
            "/api/v4/projects/{id}/issues",
            body=thing("title", **_WRITTEN, iid=NUMBER, created_at=INSTANT),
            answers={201: ISSUE},
        ),
        Operation("GET", _ONE, answers={200: ISSUE}),
        Operation(
            "PUT",
            _ONE,
            body=thing(
                **_WRITTEN,
                add_labels=TEXT,
                remove_labels=TEXT,
                state_event=one_of("close", "reopen"),
                updated_at=INSTANT,
                discussion_locked=TRUTH,
            ),
            answers={200: ISSUE},
        ),
        Operation("GET", f"{_ONE}/closed_by"),
        Operation(
            "POST",
            "/api/graphql",
            body=thing("query", query=TEXT, variables=Kind((dict,), fields={"id": ANYTHING})),
        ),
    ),
)
