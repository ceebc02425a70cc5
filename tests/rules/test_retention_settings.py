"""FIREBELL_RETENTION: days by setting, and nothing shorter than what is needed."""

import pytest

from firebell.kit.errors import StartupError
from firebell.kit.jobs.pruning import check, parse
from firebell.slices import retentions


def test_days_and_forever_are_read() -> None:
    assert parse("alerts=90, audit=forever,") == {"alerts": 90, "audit": None}
    assert parse("") == {}


@pytest.mark.parametrize(
    "text", ["alerts", "alerts=", "alerts=soon", "alerts=-1", "alerts=1.5", "alerts=٣", "alerts=999999"]
)
def test_an_invalid_number_of_days_stops_the_start(text: str) -> None:
    with pytest.raises(StartupError):
        parse(text)


@pytest.mark.parametrize(
    "days",
    [{"alert": 90}, {"": 90}, {"seen_event": 9}, {"pages": 1}, {"alerts": 0}, {"page_facts": 399}],
)
def test_a_setting_that_does_not_exist_or_is_too_short_stops_the_start(days: dict[str, int]) -> None:
    with pytest.raises(StartupError):
        check(days, retentions())


def test_every_setting_can_be_set_and_turned_off() -> None:
    settings = {each.setting for each in retentions()} - {""}
    assert settings == {
        "alerts",
        "attachments",
        "audience_mail",
        "audit",
        "fallback_tests",
        "handoffs",
        "messages",
        "notices",
        "page_facts",
        "pages",
        "pings",
        "runbook_outputs",
        "self_alarms",
        "webhooks",
    }
    check({**dict.fromkeys(settings, 62), "page_facts": 400}, retentions())
    check(dict.fromkeys(settings), retentions())
