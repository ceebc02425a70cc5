"""The form that declares an incident proposes a severity only from answers, and keeps what was typed."""

import re
from typing import Any

import httpx
import pytest

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser
from tests.api.test_errors_appear_at_their_fields import refused_fields
from tests.api.test_long_lists_on_the_web import declare, read, signed_in
from tests.world import World, world

DOWN, DEGRADED, WORKAROUND = "down_or_data_at_risk", "major_degraded", "workaround"
CUSTOMERS = "customers_impacted"


async def declared(w: World, answer: httpx.Response) -> tuple[int, bool]:
    """Return the severity of the incident that an answer leads to, and whether it is provisional."""
    assert answer.status_code == 303, answer.text
    async with w.ctx.db.tx() as tx:
        incident = await incidents.incident(tx, int(answer.headers["location"].rpartition("-")[2]))
    return incident.severity, incident.provisional


async def test_bug_the_form_opened_on_sev0_and_one_press_woke_everyone(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await signed_in(http)
        form = await read(http, "/incidents/new")
        assert 'aria-current="true"' not in form.partition('class="ladder"')[2].partition("</ol>")[0]
        assert 'id="answered" hidden' in form
        assert "Declare SEV" not in form
        typed = {"title": "Search is slow", "service": str(w.service), "drill": "yes", "command": "yes"}
        refused = await declare(http, **typed)
        assert refused.status_code == 422
        assert 'value="Search is slow"' in refused.text
        for name, value in (("service", str(w.service)), ("drill", "yes"), ("command", "yes")):
            assert f'name="{name}" value="{value}" checked' in refused.text
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from incident") == 0


@pytest.mark.parametrize(
    ("answers", "severity", "provisional"),
    [
        ({DOWN: "unknown"}, 2, True),
        ({DOWN: "no"}, 2, True),
        ({DOWN: "no", DEGRADED: "unknown", WORKAROUND: "unknown", CUSTOMERS: "unknown"}, 2, True),
        ({DOWN: "no", DEGRADED: "no", CUSTOMERS: "unknown"}, 2, True),
        ({DOWN: "no", DEGRADED: "yes", WORKAROUND: "unknown"}, 1, True),
        ({DOWN: "unknown", DEGRADED: "yes", WORKAROUND: "no"}, 0, False),
        ({DOWN: "no", DEGRADED: "yes", WORKAROUND: "yes"}, 1, False),
        ({DOWN: "yes"}, 0, False),
        ({DOWN: "no", DEGRADED: "no", CUSTOMERS: "no"}, 3, False),
        ({DOWN: "unknown", "severity": "0"}, 0, False),
        ({"severity": "1"}, 1, False),
    ],
)
async def test_what_is_not_known_is_sev2_at_most_until_someone_confirms_more(
    dsn: str, clock: FakeClock, answers: dict[str, Any], severity: int, provisional: bool
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await signed_in(http)
        answer = await declare(http, title="Search is slow", **answers)
        assert await declared(w, answer) == (severity, provisional)


async def test_bug_newer_small_incidents_hid_the_open_sev1_from_people_who_declare(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await signed_in(http)
        for title, severity in (
            ("Checkout", "1"),
            ("Logs", "3"),
            ("Tooltips", "3"),
            ("Invoices", "2"),
            ("Ads", "3"),
        ):
            assert (await declare(http, title=title, severity=severity)).status_code == 303
        offered = (await read(http, "/incidents/new")).partition('id="declare"')[2].partition("<form")[0]
        assert re.findall(r'href="/incidents/(INC-\d+)"', offered) == ["INC-1", "INC-4", "INC-5"]


async def test_enter_in_a_field_without_a_script_declares_nothing(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await signed_in(http)
        form = (await read(http, "/incidents/new")).partition('id="classify"')[2]
        first = form.partition("<button")[2].partition(">")[0]
        assert 'name="look" value="answers"' in first
        answer = await declare(http, title="Search is slow", down_or_data_at_risk="yes", look="answers")
        assert answer.status_code == 200
        assert 'value="Search is slow"' in answer.text
        assert 'id="answered" hidden' not in answer.text


async def test_the_declare_button_is_red_only_for_what_wakes_everyone(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await signed_in(http)
        for severity in ("0", "1", "2", "3"):
            refused = await declare(http, title="", severity=severity)
            button = refused.text.partition(' id="go"')[0].rpartition("<button")[2]
            assert (" urgent " in button) == (severity in "01")


async def test_an_empty_title_is_named_at_its_field(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await signed_in(http)
        refused = await declare(http, title="", severity="2")
        assert refused_fields(refused.text) == ["title"]
