"""T-QUEUE, T-BOUNCE and T-SUBFLOOD: late, stopped or flooded mails to subscribers are findings of the incident."""

from dataclasses import replace
from datetime import timedelta

import pytest

from firebell.subscribers.deliveries.process_checks import BroadcastRecord, ConfirmFlood, findings
from tests.rules.test_incidents_lifecycle import incident
from tests.rules.test_truthfulness_checks import at

INCIDENT = replace(incident(), severity=1)

SENT = BroadcastRecord(7, 1, "kestrel", "Kestrel", True, at(0), 1000, 1000, True, None, "")


@pytest.mark.parametrize(
    ("record", "minutes", "codes"),
    [
        (SENT, 60, []),
        (replace(SENT, on_time=0), 15, []),
        (replace(SENT, on_time=950), 16, []),
        (replace(SENT, on_time=949), 16, ["T-QUEUE"]),
        (replace(SENT, on_time=0, is_first=False), 60, []),
        (replace(SENT, wanted=0, on_time=0), 60, []),
        (replace(SENT, wanted=0, on_time=0, is_queued=False), 60, ["T-QUEUE"]),
        (replace(SENT, paused_at=at(2), pause_reason="25 of 500"), 5, ["T-BOUNCE"]),
        (replace(SENT, on_time=0, paused_at=at(2)), 60, ["T-BOUNCE", "T-QUEUE"]),
    ],
)
def test_mails_that_are_late_or_stopped(record: BroadcastRecord, minutes: int, codes: list[str]) -> None:
    results = findings(INCIDENT, [record], [], record.published_at + timedelta(minutes=minutes))
    assert [each.code for each in results] == codes
    levels = {"T-BOUNCE": "error", "T-QUEUE": "warning"}
    assert [each.level for each in results] == [levels[code] for code in codes]
    minor = findings(replace(INCIDENT, severity=2), [record], [], at(600))
    assert not [each for each in minor if each.level == "error"]


def test_a_flood_of_requests_is_a_finding_at_the_limit_of_the_page() -> None:
    for confirmations, codes in ((49, []), (50, ["T-SUBFLOOD"])):
        flood = ConfirmFlood("kestrel", "Kestrel", confirmations)
        assert [each.code for each in findings(INCIDENT, [], [flood], at(60))] == codes
