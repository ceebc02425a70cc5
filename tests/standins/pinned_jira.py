"""What Firebell uses of Jira's REST API: version 3 of Cloud as its OpenAPI description says it, and version 2.

Version 2 has the same operations for these paths, with texts for documents, names for account ids, and another search.
The field names inside `fields` are those of Jira's system fields.
"""

from datetime import date

from tests.standins.pinned_api import (
    ANYTHING,
    DAY,
    NUMBER,
    TEXT,
    TRUTH,
    Description,
    Kind,
    Operation,
    many,
    maybe,
    one_of,
    open_thing,
    thing,
)

_DOCUMENT = thing("type version content", type=one_of("doc"), version=NUMBER, content=many(Kind((dict,))))


def _fields(is_cloud: bool) -> Kind:
    user = thing("accountId", accountId=Kind((str,), at_most=128)) if is_cloud else thing("name", name=TEXT)
    return thing(
        project=thing("key", key=TEXT),
        issuetype=thing("name", name=TEXT),
        summary=TEXT,
        description=_DOCUMENT if is_cloud else TEXT,
        labels=many(Kind((str,), pattern=r"\S+")),
        duedate=DAY,
        priority=thing("name", name=TEXT),
        assignee=maybe(user),
    )


def _update(required: str, is_cloud: bool) -> Kind:
    known = dict.fromkeys(("historyMetadata", "update"), Kind((dict,)))
    written = {"fields": _fields(is_cloud), "transition": thing("id", id=TEXT), "properties": many(ANYTHING)}
    return thing(required, **written, **known)


_ISSUE = thing("id key fields", id=TEXT, key=TEXT, self=TEXT, expand=TEXT, fields=Kind((dict,)))
_CATEGORY = open_thing("key", key=one_of("new", "indeterminate", "done", "undefined"))
_TRANSITION = thing(
    "id to fields",
    id=TEXT,
    name=TEXT,
    hasScreen=TRUTH,
    to=open_thing("statusCategory", name=TEXT, statusCategory=_CATEGORY),
    fields=Kind((dict,)),
)
_MADE = thing(
    "transition", transition=thing("id", id=TEXT), fields=thing(resolution=thing("name", name=TEXT))
)
_USER = thing(
    accountId=Kind((str,), at_most=128),
    accountType=one_of("atlassian", "app", "customer", "unknown"),
    active=TRUTH,
    displayName=TEXT,
    emailAddress=TEXT,
    name=TEXT,
    key=TEXT,
)
_SEARCH = {"jql": TEXT, "fields": many(TEXT), "maxResults": NUMBER, "expand": TEXT, "fieldsByKeys": TRUTH}
_ANSWER = {"issues": many(_ISSUE), "names": Kind((dict,)), "schema": Kind((dict,))}


def _operations(is_cloud: bool) -> tuple[Operation, ...]:
    root = "/rest/api/3" if is_cloud else "/rest/api/2"
    one = f"{root}/issue/{{issueIdOrKey}}"
    created = thing("id key self", id=TEXT, key=TEXT, self=TEXT)
    search = (
        Operation(
            "POST",
            f"{root}/search/jql",
            body=thing(**_SEARCH, nextPageToken=TEXT, reconcileIssues=many(NUMBER)),
            answers={200: thing("issues", **_ANSWER, isLast=TRUTH, nextPageToken=TEXT)},
        )
        if is_cloud
        else Operation(
            "POST",
            f"{root}/search",
            body=thing(**_SEARCH, startAt=NUMBER),
            answers={200: thing("issues total", **_ANSWER, startAt=NUMBER, maxResults=NUMBER, total=NUMBER)},
        )
    )
    priority = open_thing("name", name=TEXT)
    priorities = (
        Operation(
            "GET",
            f"{root}/priority/search",
            query={"startAt": TEXT, "maxResults": TEXT, "projectId": TEXT, "priorityName": TEXT},
            answers={200: open_thing("values", isLast=TRUTH, values=many(priority))},
        )
        if is_cloud
        else Operation("GET", f"{root}/priority", answers={200: many(priority)})
    )
    return (
        Operation(
            "POST",
            f"{root}/issue",
            body=_update("fields", is_cloud),
            answers={201: created},
        ),
        Operation(
            "GET", one, query={"fields": TEXT, "expand": TEXT, "properties": TEXT}, answers={200: _ISSUE}
        ),
        Operation("PUT", one, query={"notifyUsers": TEXT}, body=_update("", is_cloud)),
        Operation(
            "GET",
            f"{one}/transitions",
            query={"expand": TEXT, "transitionId": TEXT},
            answers={200: thing("transitions", expand=TEXT, transitions=many(_TRANSITION))},
        ),
        Operation("POST", f"{one}/transitions", body=_MADE),
        search,
        Operation(
            "GET",
            f"{root}/user/search",
            query={"query" if is_cloud else "username": TEXT, "startAt": TEXT, "maxResults": TEXT},
            answers={200: many(_USER)},
        ),
        priorities,
        Operation("GET", f"{root}/mypermissions", query={"projectKey": TEXT, "permissions": TEXT}),
        Operation("GET", f"{root}/project/{{projectIdOrKey}}", query={"expand": TEXT}),
    )


JIRA_CLOUD = Description(
    source="developer.atlassian.com: swagger-v3.v3.json, as stored in jarekbird/jira-api-mcp-wrapper",
    version="1001.0.0-SNAPSHOT-57a0ca5b4a0bb0ac5f3fee4764acb1c14e4d7e71 of 2025-12-25",
    read_on=date(2026, 11, 29),
    operations=_operations(is_cloud=True),
)
JIRA_DATA_CENTER = Description(
    source="as Cloud, with the differences that docs.atlassian.com names for version 2",
    version="2, Jira 10",
    read_on=date(2026, 11, 29),
    operations=_operations(is_cloud=False),
)
