"""Invalid input is refused with its field and the reason, and is never a server error."""

import json
from typing import Any

from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization
from tests.world import ANSWERS, world

HUGE = 10**30
INCIDENT = {"title": "Down", "severity": "SEV2"}
BAD: list[tuple[str, str, Any, str]] = [
    ("POST", "/incidents", {**INCIDENT, "severty": "SEV1"}, "severty"),
    ("POST", "/incidents", {"severity": "SEV2"}, "title"),
    ("POST", "/incidents", {**INCIDENT, "title": ""}, "title"),
    ("POST", "/incidents", {**INCIDENT, "title": " \t\n"}, "title"),
    ("POST", "/incidents", {**INCIDENT, "title": "a\x00b"}, "title"),
    ("POST", "/incidents", {**INCIDENT, "summary": "a\x00b"}, "summary"),
    ("POST", "/incidents", {**INCIDENT, "summary": "\ud800"}, "summary"),
    ("POST", "/incidents", {**INCIDENT, "\ud800": 1}, "body"),
    ("POST", "/incidents", {**INCIDENT, "severity": "SEV9"}, "severity"),
    ("POST", "/incidents", {**INCIDENT, "severity": None}, "severity"),
    ("POST", "/incidents", {**INCIDENT, "drill": "yes"}, "drill"),
    ("POST", "/incidents", {"title": "x", "answers": {"workarond": True}}, "answers.workarond"),
    ("POST", "/incidents", [], ""),
    ("POST", "/incidents", "SEV0", ""),
    ("POST", "/incidents/INC-1/entries", {"text": "x", "kind": "rumour"}, "kind"),
    ("POST", "/incidents/INC-1/roles", {"role": "commander", "person_id": HUGE}, "person_id"),
    ("POST", "/incidents/INC-1/roles", {"role": "commander", "person_id": "1"}, "person_id"),
    ("POST", "/incidents/INC-1/roles", {"role": "king"}, "role"),
    ("POST", "/pages/PG-1/snooze", {"until": "2026-11-24T08:00:00"}, "until"),
    ("POST", "/pages/PG-1/snooze", {"until": "9999-12-31T23:59:59Z"}, "until"),
    ("POST", "/pages/PG-1/snooze", {"until": 1795000000}, "until"),
    ("POST", "/pages/PG-1/snooze", {"minutes": 1.5}, "minutes"),
    ("POST", "/alerts", {"service": "checkout"}, "title"),
    ("POST", "/alerts", {"service": "checkout", "title": "x", "lables": {}}, "lables"),
    ("POST", "/alerts", {"service": "checkout", "title": "x", "labels": {"a": 1}}, "labels.a"),
    ("POST", "/alerts", {"service": "checkout", "title": "x", "severity": "bad"}, "severity"),
    ("POST", "/services", {"name": "x", "team_id": HUGE}, "team_id"),
    ("POST", "/services", {"name": "x", "team_id": 1, "runbook_url": "nowhere"}, "runbook_url"),
    ("POST", "/people", {"name": "x", "email": "x"}, "email"),
    ("POST", "/people", {"name": "x", "email": "x@example.org", "tz": "Mars/Olympus"}, "tz"),
    ("POST", "/people", {"name": "x", "email": "x@example.org", "password": "short"}, "password"),
    ("PUT", "/catch-all", {"person_ids": [0]}, "person_ids.0"),
    ("GET", "/oncall?at=2026-11-24T03:14:00", None, "at"),
    ("GET", "/oncall?at=0001-01-01T00:00:00Z", None, "at"),
    ("GET", "/oncall?at=2026-11-24T03:14:00+01:00", None, "at"),
    ("GET", "/schedules/payments-primary/shifts?from=2026-01-01T00:00:00Z", None, "to"),
    (
        "GET",
        "/schedules/payments-primary/shifts?from=2026-01-01T00:00:00Z&to=2199-01-01T00:00:00Z",
        None,
        "to",
    ),
    ("GET", "/pages?limit=0", None, "limit"),
    ("GET", "/pages?limit=1e2", None, "limit"),
    ("GET", "/pages?before=last", None, "before"),
    ("GET", "/pages?stat=acked", None, "stat"),
    ("GET", "/pages?state=asleep", None, "state.0"),
    ("GET", "/alerts?q=%00", None, "q"),
    ("GET", f"/alerts/{HUGE}", None, "alert_id"),
    ("GET", "/people/-1", None, "person_id"),
    ("GET", "/services/%00", None, "slug"),
]


async def test_bad_input_is_refused_by_the_name_of_its_field(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await w.alert()
        await api("POST", "/incidents", {"title": "There", "severity": "SEV2"}, status=201)
        for method, path, body, field in BAD:
            # by hand, as a lone surrogate is not UTF-8 and travels as an escape
            content = json.dumps(body).encode() if body is not None else None
            answer = await api.http.request(
                method,
                f"/api/v1{path}",
                content=content,
                headers={"Authorization": f"Bearer {api.key}", "Content-Type": "application/json"},
            )
            context = (method, path, body, answer.text)
            assert answer.status_code == 422, context
            problem = answer.json()
            assert set(problem) <= {"type", "title", "status", "detail", "instance", "hint", "errors"}, (
                context
            )
            names = [e["field"] for e in problem.get("errors", [])]
            assert field in names or (not field and names), context
            assert "Traceback" not in answer.text


NO_JSON = (b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b'{"title": ' + b"9" * 5000 + b"}")


async def test_a_body_that_is_not_json_is_refused(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        headers = {"Authorization": f"Bearer {api.key}", "Content-Type": "application/json"}
        for body in NO_JSON:
            answer = await api.http.post("/api/v1/incidents", content=body, headers=headers)
            assert answer.status_code == 422, body[:20]
            assert answer.headers["content-type"] == "application/problem+json"


async def test_an_impossible_address_gets_an_error_page(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await http.post("/login", data={"email": ANSWERS.email, "password": ANSWERS.password})
        for path in (f"/alerts/{HUGE}", "/services/%00", "/alerts?q=%00", f"/alerts?before={HUGE}"):
            answer = await http.get(path)
            assert answer.status_code in (404, 422), path
            assert answer.headers["content-type"].startswith("text/html")


async def test_what_does_not_exist_is_not_found(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        for path in (
            "/pages/PG-9",
            "/pages/INC-1",
            "/pages/PG-" + "9" * 40,
            "/incidents/INC-99",
            "/alerts/9",
        ):
            assert (await api("GET", path, status=404))["status"] == 404
        there = await api("GET", "/services/chekout", status=404)
        assert there["hint"] == "There are: checkout."
        assert "payments-primary" in (await api("GET", "/schedules/x", status=404))["hint"]
        assert "payments" in (await api("GET", "/policies/x", status=404))["hint"]
        assert (await api("GET", "/nothing", status=404))["detail"] == "There is nothing at /api/v1/nothing."
        refused = await api.answer("PATCH", "/search")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
        assert refused.headers["content-type"] == "application/problem+json"
