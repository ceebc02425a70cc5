"""What someone types is never cut, and a form that is refused shows everything again."""

import re
from typing import Any

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.web import typed_texts
from tests.api.api_clients import browser, sign_in
from tests.api.full_organization import everything
from tests.house.source import SRC

LONG = "word " * 60_000 + "end of the text"

TOO_LONG = [
    ("/incidents/INC-1/severity", {"severity": "SEV0"}, "reason"),
    ("/incidents/INC-1/phase", {"phase": "mitigating"}, "reason"),
    ("/incidents/INC-1/entries", {"kind": "note"}, "text"),
    ("/incidents/INC-1/canvas/needs", {"version": "0"}, "text"),
    ("/incidents/INC-1/details/type", {"type": "vendor"}, "reason"),
    ("/incidents/INC-1/close/reports", {}, "text"),
    ("/incidents/INC-1/tasks", {}, "text"),
    ("/incidents/INC-1/response/expertise", {}, "need"),
    ("/incidents/INC-1/response/customers", {}, "text"),
    ("/incidents/report", {"title": "Cards fail"}, "summary"),
    ("/pages/PG-1/note", {}, "text"),
    ("/oncall/vacations", {"start": "2026-12-01T00:00", "end": "2026-12-02T00:00"}, "reason"),
    ("/runbooks/database-failover", {"version": "0"}, "body"),
    ("/settings/contact", {"kind": "email", "address": "mara@work.example"}, "label"),
]


async def test_a_text_that_is_too_long_is_refused_and_shown_again_whole(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        csrf = await sign_in(e.w, http, e.w.mara)
        for address, fields, name in TOO_LONG:
            answer = await http.post(address, data={**fields, name: LONG, "csrf": csrf})
            assert answer.status_code == 422, (address, answer.status_code)
            assert "word end of the text" in answer.text, address
        async with e.w.ctx.db.tx() as tx:
            assert not await tx.value(
                "select exists (select from timeline_entry where text like 'word word%')"
            )


async def test_rows_and_choices_of_a_refused_form_are_shown_again(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        w = e.w
        csrf = await sign_in(w, http, w.mara)
        async with w.ctx.db.tx() as tx:
            method = await tx.value("select min(id) from contact_method where person_id = $1", w.mara)
        rows = {"method": [str(method)] * 3, "delay": ["0", "soon", "25"]}
        refused = await http.post("/settings/rules/high", data={**rows, "csrf": csrf})
        assert refused.status_code == 422
        assert 'value="soon" aria-invalid' in refused.text
        assert 'value="25"' in refused.text
        # a contact method without minutes is not left out without a word
        blank = {"method": [str(method)] * 2, "delay": ["0", ""]}
        assert (await http.post("/settings/rules/high", data={**blank, "csrf": csrf})).status_code == 422

        team = {"name": " ", "member": [str(w.jun)], "csrf": csrf}
        assert f'value="{w.jun}" checked' in (await http.post("/settings/teams", data=team)).text

        severity = {"hours": "business", "customers_every": "often", "page": ["legal"], "csrf": csrf}
        again = (await http.post("/settings/response/severities/SEV1", data=severity)).text
        assert 'value="often"' in again
        assert 'name="page" value="legal" checked' in again
        assert 'value="business" selected' in again
        groups = {"tz": "Nowhere", "days": ["sun"], "start": "10:00", "end": "12:00", "csrf": csrf}
        groups |= {"add_legal": f"person:{w.jun}", "executives_wait": "7"}
        again = (await http.post("/settings/response/groups", data=groups)).text
        assert f'name="legal" value="person:{w.jun}" checked' in again
        assert 'value="sun" checked' in again

        component: dict[str, Any] = {"name": " ", "service": [str(w.service)], "csrf": csrf}
        refused = await http.post("/status-pages/kestrel/components", data=component)
        assert (refused.status_code, f'value="{w.service}" checked' in refused.text) == (422, True)
        component |= {"name": "Cards", "description": "By card", "position": "9", "start_date": "soon"}
        refused = await http.post("/status-pages/kestrel/components/1", data={**component, "service": []})
        assert (refused.status_code, 'value="By card"' in refused.text) == (422, True)
        assert f'value="{w.service}" checked' not in refused.text
        theme: dict[str, Any] = {"accent": "red", "locale": "en", "locales": ["ja"], "csrf": csrf}
        refused = await http.post("/status-pages/kestrel/hosting/theme", data=theme)
        assert (refused.status_code, 'value="ja" checked' in refused.text) == (422, True)
        access = {"networks": "nonsense", "networks_suffice": "yes", "csrf": csrf}
        refused = await http.post("/status-pages/kestrel/hosting/access", data=access)
        assert (refused.status_code, 'name="networks_suffice" value="yes" checked' in refused.text) == (
            422,
            True,
        )


async def test_what_was_typed_while_the_session_ended_is_shown_again(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        csrf = await sign_in(e.w, http, e.w.mara)
        http.cookies.clear()
        http.headers["referer"] = f"{http.base_url}/incidents/INC-1"
        entry = {"kind": "note", "text": "The pool is exhausted\nin <b>both</b> regions", "csrf": csrf}
        for files in (None, {"files": ("", b"")}, {"files": ("graph.png", b"\x89PNG")}):
            answer = await http.post("/incidents/INC-1/entries", data=entry, files=files)
            assert answer.status_code == 401
            assert "The pool is exhausted\nin &lt;b&gt;both&lt;/b&gt; regions" in answer.text
            assert csrf not in answer.text
            assert 'href="/login?next=%2Fincidents%2FINC-1"' in answer.text
        for body in ({"csrf": csrf}, {"text": "Watching", "csrf": csrf}):
            answer = await http.post("/pages/PG-1/note", data=body)
            assert (answer.status_code, answer.headers["location"]) == (
                303,
                "/login?next=%2Fincidents%2FINC-1",
            )
        async with e.w.ctx.db.tx() as tx:
            assert not await tx.value(
                "select exists (select from timeline_entry where text like '%<b>both%')"
            )


async def test_signing_in_after_a_refused_form_was_sent_again_leads_to_a_page_that_exists(
    dsn: str, clock: FakeClock
) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        # without scripts, the page of a refused form has the address that the form was sent to
        for address, page in (
            ("/incidents/INC-1/entries", "%2Fincidents%2FINC-1"),
            ("/settings/contact/1/rename?x=1", "%2Fsettings%2Fcontact"),
        ):
            http.headers["referer"] = f"{http.base_url}{address}"
            answer = await http.post("/incidents/INC-1/entries", data={"text": "Watching"})
            assert answer.headers["location"] == f"/login?next={page}"
        # each part of an address is compared with every route, so a stranger must not choose how many there are
        http.headers["referer"] = f"{http.base_url}/incidents{30_000 * '/a'}"
        answer = await http.post("/incidents/INC-1/entries", data={"text": "Watching"})
        assert answer.headers["location"] == "/login"


@pytest.mark.parametrize("name", ["new_password", "security_token", "signing_secret", "csrf", "code"])
def test_a_secret_is_not_shown_again(name: str) -> None:
    assert typed_texts.of_form([(name, "lanterns over harbor"), ("reason", "The fix works")]) == [
        ("Reason", "The fix works")
    ]


def test_no_password_field_is_shown_again() -> None:
    called = r'field\("(\w+)"[^}]*type="password"|<input[^>]*type="password"[^>]*name="(\w+)"'
    templates = "".join(path.read_text() for path in (SRC / "templates").rglob("*.html"))
    names = {first or second for first, second in re.findall(called, templates)} | {"private_key"}
    assert {"old", "new", "password", "bot_token"} < names
    assert typed_texts.of_form((name, "lanterns over harbor") for name in sorted(names)) == []
