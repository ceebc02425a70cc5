"""Any value in any field of a form is either accepted or refused with a reason, never a server error."""

import itertools
import re
from html.parser import HTMLParser

import httpx
import pytest

from firebell.app import OVERTAKEN, build
from firebell.kit.clock import FakeClock
from firebell.people.route_access import Public
from tests.api.api_clients import UNCOMPRESSED, browser, sign_in
from tests.api.full_organization import Entrance, Everything, entrances, everything, finder

HOSTILE = ("²", "9" * 4000, "-1", "", "2026-13-45T99:99")
ENDS_THE_SESSION = {
    *("/logout", "/settings/password", "/settings/people/{person_id}", "/settings/sessions/{session_id}/end"),
}
Fields = list[tuple[str, str]]


class _Forms(HTMLParser):
    """Collects (address, fields) of every form that is posted."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, Fields]] = []
        self._open = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = attributes.get("method") == "post" and attributes.get("action", "").startswith("/")
            if self._open:
                self.forms.append((attributes["action"], []))
        elif not self._open:
            return
        elif (
            tag in ("input", "textarea", "button")
            and "name" in attributes
            and attributes.get("type") != "file"
        ):
            self.forms[-1][1].append((attributes["name"], attributes.get("value", "")))
        elif tag == "select":
            self._select = attributes["name"]
        elif tag == "option" and self._select and attributes.get("value"):
            self.forms[-1][1].append((self._select, attributes["value"]))
            self._select = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False


async def forms_of(e: Everything, http: httpx.AsyncClient) -> dict[Entrance, tuple[str, Fields]]:
    """Return one form for each route that takes one, as a page of the product serves it."""
    known = entrances(e.w)
    find = finder(known)
    forms: dict[Entrance, tuple[str, Fields]] = {}
    pages = [
        x.address(real=True) for x in known if x.method == "GET" and not x.is_api and x.path != "/events"
    ]
    pages += [
        f"{page}?edit=yes" for page in pages if page.startswith(("/post-mortems/", "/oncall/handoffs/"))
    ]
    for page in pages:
        parser = _Forms()
        parser.feed((await http.get(page)).text)
        for address, fields in parser.forms:
            entrance = find("POST", address)
            assert entrance, (page, address)
            forms.setdefault(entrance, (address, fields))
    return forms


def _one_of_each_kind(fields: Fields) -> list[str]:
    """Return the names of fields, one of those that repeat with another number, such as `name-0` and `name-1`."""
    names = dict.fromkeys(name for name, _ in fields if name not in ("csrf", "tz"))
    return list({re.sub(r"-\d+", "-", name): name for name in names}.values())


def _sent(fields: Fields, csrf: str, **changed: str) -> dict[str, list[str]]:
    sent: dict[str, list[str]] = {}
    for name, value in fields:
        sent.setdefault(name, []).append(value)
    return {**sent, **{name: [value] for name, value in changed.items()}, "csrf": [csrf]}


async def test_no_field_of_any_form_brings_the_product_down(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with everything(dsn, clock) as e:
        transport = httpx.ASGITransport(app=build(e.w.ctx), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8080", headers=UNCOMPRESSED
        ) as http:
            csrf = await sign_in(e.w, http, e.w.mara)
            forms = await forms_of(e, http)
            fallen, asked = [], 0
            for entrance in (x for x in entrances(e.w) if x.method == "POST" and not x.is_api):
                if entrance.path in ENDS_THE_SESSION:
                    continue
                address, fields = forms.get(entrance, (entrance.address(real=True), []))
                empty = await http.post(address, data=_sent([], csrf))
                fallen += [(entrance.path, "no field")] if empty.status_code >= 500 else []
                for name in _one_of_each_kind(fields):
                    for value in HOSTILE:
                        answer = await http.post(address, data=_sent(fields, csrf, **{name: value}))
                        asked += 1
                        if answer.status_code >= 500:
                            fallen.append((entrance.path, f"{name}={value[:20]}"))
    assert fallen == []
    # one request after the other: what the database refuses, a check should have
    assert OVERTAKEN not in caplog.messages
    assert len(forms) > 40
    assert asked > 500
    assert not any(isinstance(x.decisions[0], Public) for x in forms if x.path.startswith("/settings"))


NUMBERS = [
    ("/pages/PG-1/snooze", {}, "minutes"),
    ("/settings/rules/high", {"method": "1"}, "delay"),
    ("/escalation/new", {"name": "x", "team": "1", "target-0": "team:1", "repeat": "1"}, "wait-0"),
    ("/escalation/new", {"name": "x", "team": "1", "target-0": "team:1", "wait-0": "5"}, "repeat"),
    ("/post-mortems/INC-1", {"body": "x"}, "version"),
    ("/runbooks/database-failover", {"body": "x"}, "version"),
    ("/oncall/handoffs/payments-primary/2026-11-30", {"body": "x"}, "version"),
    ("/oncall/handoffs/notice", {}, "hours"),
    ("/incidents/new", {"title": "x", "severity": "SEV2"}, "service"),
    ("/incidents/INC-1/roles", {"role": "scribe"}, "person"),
    ("/services", {"name": "x"}, "team"),
    ("/services/checkout/policy", {}, "policy"),
    ("/settings/catch-all", {}, "member"),
]


async def test_what_only_looks_like_a_number_is_refused_at_its_field(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        csrf = await sign_in(e.w, http, e.w.mara)
        for value, (address, fields, name) in itertools.product(("²", "9" * 4000, "-1"), NUMBERS):
            answer = await http.post(address, data={**fields, name: value, "csrf": csrf})
            assert answer.status_code == 422, (address, name, value[:20])
        again = await http.post("/oncall/new", data={"csrf": csrf})
        assert (again.status_code, 'id="e-person"' in again.text) == (422, True)
