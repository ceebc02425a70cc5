"""What a silence may be, which alerts it matches, and how Alertmanager's API has it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from firebell.alerts import mutes
from firebell.alerts.mutes import Mute, MuteKind
from firebell.alerts.past_alert_columns import AlertKind
from firebell.alerts.silences import alertmanager, rules
from firebell.alerts.silences.model import NewSilence, Silence, SilencePreview, SilenceState
from firebell.kit import matchers
from firebell.kit.errors import Conflict, Invalid
from tests.rules.test_dedup_and_grouping import NOW

HOUR = timedelta(hours=1)
PUBLIC_ID = "00000000-0000-0000-0000-000000000007"


def new(**more: Any) -> NewSilence:
    return NewSilence(**{"matchers": "a=b", "comment": "Reindexing", "ends_at": NOW + HOUR, **more})


def stored(**more: Any) -> Silence:
    fields = {
        "id": 1,
        "public_id": PUBLIC_ID,
        "author": "Ana",
        "comment": "Reindexing",
        "matchers": '{a="b"}',
        "service_ids": (),
        "starts_at": NOW,
        "ends_at": NOW + HOUR,
        "ended_at": None,
        "created_at": NOW,
    }
    return Silence(**{**fields, **more})


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, None),
        ({"matchers": ""}, "matchers"),
        ({"matchers": 'a!="b"'}, "matchers"),
        ({"matchers": 'a=~".*"'}, "matchers"),
        ({"matchers": "a=b,c!=d"}, None),
        ({"matchers": "a"}, "matchers"),
        ({"comment": " \n"}, "comment"),
        ({"comment": "x" * 1_001}, "comment"),
        ({"ends_at": NOW}, "ends_at"),
        ({"starts_at": NOW + 2 * HOUR}, "ends_at"),
        ({"ends_at": NOW + timedelta(days=30)}, None),
        ({"ends_at": NOW + timedelta(days=30, seconds=1)}, "ends_at"),
        ({"starts_at": NOW + timedelta(days=366), "ends_at": NOW + timedelta(days=367)}, "starts_at"),
        ({"starts_at": NOW - HOUR}, None),
    ],
)
def test_what_a_silence_may_be(fields: dict[str, Any], wrong: str | None) -> None:
    if wrong is None:
        checked = rules.checked(new(**fields), NOW)
        assert checked.starts_at == NOW
        return
    with pytest.raises(Invalid) as refused:
        rules.checked(new(**fields), NOW)
    assert list(refused.value.fields) == [wrong]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, SilenceState.ACTIVE),
        ({"starts_at": NOW + HOUR}, SilenceState.UPCOMING),
        ({"ends_at": NOW}, SilenceState.EXPIRED),
        ({"ended_at": NOW - HOUR}, SilenceState.EXPIRED),
    ],
)
def test_the_state_of_a_silence(fields: dict[str, Any], state: SilenceState) -> None:
    silence = stored(**fields)
    assert silence.state(NOW) is state
    other = rules.checked(new(matchers="x=y"), NOW)
    assert rules.is_replaced(silence, other, NOW) is (state is SilenceState.ACTIVE)
    same = rules.checked(new(comment="Longer", ends_at=NOW + 2 * HOUR), NOW)
    assert not rules.is_replaced(silence, same, NOW)
    if state is SilenceState.EXPIRED:
        with pytest.raises(Conflict):
            rules.check_open(silence, NOW)


def test_a_silence_for_all_services_and_one_of_maintenance_without_any() -> None:
    general = Mute(1, "s", "/", frozenset(), (), NOW, NOW + HOUR, MuteKind.SILENCE)
    own = Mute(2, "m", "/", frozenset({7}), (), NOW, NOW + 2 * HOUR)
    nothing = Mute(3, "m", "/", frozenset(), (), NOW, NOW + HOUR)
    known = mutes.by_service([general, own, nothing])
    assert [each.id for each in mutes.of_service(known, 7)] == [2, 1]
    assert [each.id for each in mutes.of_service(known, 8)] == [1]


@pytest.mark.parametrize(
    ("text", "labels", "is_silenced"),
    [
        ("a=b", {"a": "b"}, True),
        ("a=b", {"a": "c"}, False),
        ("title=Disk", {}, True),
        ("title=Disk", {"title": "x"}, False),
        ("severity=info", {}, True),
        ("a=b", {"a": "b", "alertname": "FirebellDown"}, False),
    ],
)
def test_what_a_preview_counts(text: str, labels: dict[str, str], is_silenced: bool) -> None:
    alert = AlertKind(1, 1, "k", "Disk", "info", labels)
    assert rules.is_silenced(matchers.parse(text), alert) is is_silenced


def test_a_silence_of_an_alert_matches_it() -> None:
    for title, labels in (("Disk", {"a": 'x"\\\n', "ü ": "1", "empty": ""}), ("Disk “full”", {})):
        conditions = matchers.parse(rules.matchers_for_alerts([(title, labels)]))
        assert rules.is_silenced(conditions, AlertKind(1, 1, "k", title, None, labels))
        assert not rules.is_silenced(conditions, AlertKind(1, 1, "k", "?", None, {"b": "c"}))


@pytest.mark.parametrize(("matching", "is_wide"), [(9, False), (20, False), (21, True)])
def test_a_wide_silence(matching: int, is_wide: bool) -> None:
    assert SilencePreview(0, (), matching, 100 if matching > 9 else 9, 0, 0, False).is_wide is is_wide


def test_a_silence_survives_alertmanagers_form() -> None:
    silence = stored(matchers='{a="b",c!="d",e=~"f.*",g!~"h|i"}', service_ids=(5,))
    shown = {name: value for name, value in alertmanager.gettable(silence, NOW).items() if name != "status"}
    times = {"startsAt": NOW.isoformat(), "endsAt": (NOW + HOUR).isoformat()}
    body = json.dumps({**shown, **times, "updatedAt": None}).encode()
    posted, entered = alertmanager.posted(body, 5)
    assert posted.id == PUBLIC_ID
    assert rules.checked(entered, NOW).matchers == silence.matchers
    assert entered.service_ids == (5,)
    for wrong in (b"", b"[]", b'{"matchers": []}', body.replace(b"+00:00", b"")):
        with pytest.raises(ValueError, match="bad silence"):
            alertmanager.posted(wrong, 5)
