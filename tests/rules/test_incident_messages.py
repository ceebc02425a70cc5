"""What a message about an incident fills in, and what it leaves to a person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from firebell.handbook import shipped_content, templates
from firebell.incidents.messages import placeholder_values
from firebell.incidents.model import Phase, TimelineEntry
from tests.rules.test_incidents_lifecycle import NOW, incident


def entry(number: int, kind: str, text: str) -> TimelineEntry:
    at = NOW + timedelta(minutes=number)
    return TimelineEntry(number, at, at, kind, "Mara", 1, text, {})


AROUND = placeholder_values.MessageContext(
    services=["Checkout", "Search"],
    runbooks=["https://example.org/runbook"],
    commander="Mara Lindqvist",
    comms="",
    meaning="Major degradation, for example 15 % errors",
    timeline=[
        entry(1, "finding", "The pool is full"),
        entry(2, "mitigation", "Rolled back"),
        entry(3, "finding", "Build 4812 raised the pool"),
    ],
    organization="Kestrel",
    link="https://firebell.example.org/incidents/INC-214",
    tz="Europe/Stockholm",
)


def test_known_facts_are_filled_and_times_are_on_the_readers_clock() -> None:
    slots = placeholder_values.slots(incident(), AROUND, NOW)
    assert slots["severity_meaning"] == "Major degradation, for example 15 % errors"
    assert (slots["declared_at"], slots["next_update"]) == ("04:14", "04:44")
    assert (slots["date"], slots["topic"]) == ("2026-11-24", "card-payments-fail")
    assert slots["services"] == "Checkout, Search"
    assert slots["cause"] == "Build 4812 raised the pool"
    assert slots["mitigation"] == "Rolled back"


def test_unanswered_questions_stay_open() -> None:
    slots = placeholder_values.slots(incident(), AROUND, NOW)
    assert not {"impact", "summary", "comms", "workaround", "customers", "impact_end", "closed_at"} & set(
        slots
    )
    body = templates.fill("{{impact}} by {{comms}}", slots)
    assert templates.slots(body) == ["impact", "comms"]
    assert set(slots) <= templates.INCIDENT


def test_the_current_mitigation_is_shown_first_and_afterwards_the_one_that_worked() -> None:
    doing = {"actions": "Adding capacity"}
    assert placeholder_values.slots(incident(**doing), AROUND, NOW)["mitigation"] == "Adding capacity"
    over = incident(**doing, phase=Phase.MONITORING, impact_end=NOW)
    assert placeholder_values.slots(over, AROUND, NOW)["mitigation"] == "Rolled back"


def test_the_next_update_is_promised_from_the_one_that_is_being_written() -> None:
    late = incident(update_due_at=NOW)
    an_hour_later = NOW + timedelta(hours=1)
    assert placeholder_values.slots(late, AROUND, an_hour_later)["next_update"] == "05:44"
    over = incident(phase=Phase.CLOSED, closed_at=NOW)
    assert "next_update" not in placeholder_values.slots(over, AROUND, NOW)


def test_a_post_mortem_has_a_date_only_where_one_is_owed() -> None:
    closed = {"phase": Phase.CLOSED, "closed_at": NOW}
    assert placeholder_values.slots(incident(**closed), AROUND, NOW)["postmortem_due"] == "Thu 04:14"
    minor = incident(**closed, severity=3, max_severity=3)
    assert "postmortem_due" not in placeholder_values.slots(minor, AROUND, NOW)


def test_a_long_title_makes_a_short_channel_name() -> None:
    slots = placeholder_values.slots(
        incident(title="Zahlung über Karte schlägt fehl: " + "sehr lang " * 10), AROUND, NOW
    )
    assert slots["topic"].startswith("zahlung-uber-karte-schlagt-fehl")
    assert len(slots["topic"]) <= 40
    assert not slots["topic"].endswith("-")


@pytest.mark.parametrize("phase", list(Phase))
def test_each_phase_has_its_messages_and_minor_incidents_stay_inside(phase: Phase) -> None:
    major = placeholder_values.suggested_templates(incident(phase=phase))
    minor = placeholder_values.suggested_templates(incident(phase=phase, severity=2))
    assert set(major) <= set(shipped_content.shipped())
    assert set(minor) <= set(placeholder_values.UPDATES)
    assert placeholder_values.update_for(incident(phase=phase)) in placeholder_values.UPDATES


def test_the_first_update_comes_first() -> None:
    assert placeholder_values.update_for(incident(phase=Phase.MITIGATING)) == "update-first"
    again = incident(phase=Phase.MITIGATING, last_update_at=NOW)
    assert placeholder_values.update_for(again) == "update-progress"


def test_bug_the_update_named_the_mitigation_that_had_no_effect() -> None:
    tried = [entry(1, "mitigation", "Limited checkout"), entry(2, "mitigation", "Rolled back, no effect")]
    ended = replace(entry(3, "phase", "moved it to monitoring"), data={"to": "monitoring"})
    active = replace(AROUND, timeline=tried)
    assert placeholder_values.slots(incident(), active, NOW)["mitigation"] == "Limited checkout"
    over = incident(phase=Phase.MONITORING, impact_end=NOW)
    earlier = [tried[1], tried[0], ended, entry(4, "mitigation", "Restarted the pods: did not help")]
    assert (
        placeholder_values.slots(over, replace(AROUND, timeline=earlier), NOW)["mitigation"]
        == "Limited checkout"
    )
    in_vain = replace(AROUND, timeline=tried[1:])
    assert "mitigation" not in placeholder_values.slots(over, in_vain, NOW)
