"""A refused form shows all errors at once, each at its field, and keeps what was typed."""

import re

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.errors import Invalid
from firebell.kit.web.field_errors import FieldErrors
from firebell.process import connected
from tests.api.api_clients import browser
from tests.api.test_a_policy_is_edited_on_its_page import signed_in
from tests.api.test_setup_needs_its_token import client, token_in
from tests.world import settings, world

CONTROL = re.compile(r"<(?:input|select|textarea)\b[^>]*>")


def refused_fields(html: str) -> list[str]:
    """Return the ids of the controls that are marked invalid, each described by a text that is there."""
    marked = [tag for tag in CONTROL.findall(html) if 'aria-invalid="true"' in tag]
    for tag in marked:
        text = re.search(r'aria-describedby="([^"]+)"', tag)
        assert text, tag
        assert f'id="{text[1]}"' in html, tag
        assert " autofocus" in tag, "the first one has the focus"
    return [re.findall(r'\bid="f-([^"]+)"', tag)[0] for tag in marked]


async def test_bug_setup_reported_errors_one_at_a_time(dsn: str, clock: FakeClock) -> None:
    wrong = {
        "name": "",
        "email": "mara at example",
        "password": "short",
        "tz": "Mars/Olympus",
        "team": "Payments",
        "organization": "",
        "service": "",
        "ntfy": "a b",
        "webhook": "ftp://x",
        "second_name": "Jun",
        "second_email": "",
        "handoff_day": "9",
        "handoff_time": "late",
    }
    async with connected(settings(), dsn, clock) as ctx, client(ctx, "127.0.0.1") as http:
        token = token_in(await http.get("/setup"))
        answer = await http.post("/setup", data={**wrong, "token": token})
    assert answer.status_code == 422
    kept = {"team"}
    assert set(refused_fields(answer.text)) == wrong.keys() - kept - {"second_name"}
    assert 'value="mara at example"' in answer.text
    assert 'value="Payments"' in answer.text


async def test_bug_a_wrong_wait_stood_beside_no_level(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        form = {
            **await signed_in(http),
            "name": " ",
            "team": "1",
            "target-0": f"person:{w.jun}",
            "target-1": "planet:1",
            "target-2": "team:1",
            "wait-0": "7",
            "wait-1": "5",
            "wait-2": "soon",
            "repeat": "ten",
            "ack_timeout": "0",
        }
        answer = await http.post("/escalation/new", data=form)
        assert answer.status_code == 422
        assert refused_fields(answer.text) == ["name", "target-1", "wait-2", "repeat", "ack_timeout"]
        none = await http.post("/escalation/new", data={**form, "target-0": ""})
        assert "target-0" in refused_fields(none.text)


@pytest.mark.parametrize(
    ("address", "form", "fields"),
    [
        ("/services", {"name": "", "team": "1", "runbook_url": "nowhere"}, ["name", "runbook_url"]),
        (
            "/services",
            {"name": "", "team": "1", "runbook_url": "nowhere", "labels": "9x=y"},
            ["name", "runbook_url", "labels"],
        ),
        (
            "/settings/people",
            {"name": "", "email": "x", "role": "king", "tz": "Mars"},
            ["name", "email", "role", "tz"],
        ),
    ],
)
async def test_every_wrong_field_is_named_in_one_round(
    dsn: str, clock: FakeClock, address: str, form: dict[str, str], fields: list[str]
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        answer = await http.post(address, data={**await signed_in(http), **form})
        assert answer.status_code == 422
        assert refused_fields(answer.text) == fields


def refuse(**fields: str) -> None:
    """Raise `Invalid` with these fields."""
    raise Invalid("Wrong.", fields=fields)


def test_the_first_error_of_a_field_stays_and_one_without_a_field_passes() -> None:
    errors = FieldErrors()
    errors.value(lambda: refuse(address="one"), None, {"address": "ntfy"})
    errors.add("ntfy", "two")
    with pytest.raises(Invalid):
        errors.value(refuse, None)
    with pytest.raises(Invalid) as caught:
        errors.check()
    assert caught.value.fields == {"ntfy": "one"}
