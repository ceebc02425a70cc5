"""JSON that is nested too deeply to be read counts as no JSON."""

import pytest

from firebell.action_items.trackers.vendor import decoded
from firebell.channels.http_attempts import json_object
from firebell.channels.phone.requests import fields_of
from firebell.heartbeats.queries import sender_address
from firebell.kit.http_out import OutboundResponse
from firebell.status_copies.provider_answers import Outcome, read_answer

DEEP = '{"x":' + "[" * 20_000


def test_a_heartbeat_nested_too_deeply_names_no_installation() -> None:
    assert sender_address(DEEP) == ""


def test_a_providers_answer_nested_too_deeply_fails_no_sender() -> None:
    answer = OutboundResponse(200, "", DEEP)
    assert json_object(answer) == fields_of(answer) == {}


def test_a_trackers_answer_nested_too_deeply_counts_as_none() -> None:
    assert decoded(DEEP) is None


@pytest.mark.parametrize("is_write", [False, True])
def test_a_status_pages_answer_nested_too_deeply_is_not_ok(is_write: bool) -> None:
    assert read_answer(200, DEEP, "", is_write=is_write).outcome is not Outcome.OK
