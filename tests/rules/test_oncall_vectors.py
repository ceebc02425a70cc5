"""The published schedule vectors, one test each."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Unit, Window
from firebell.oncall.rota.shifts import at, between

VECTORS = json.loads((Path(__file__).parent / "vectors" / "schedule_vectors.json").read_text())
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _person(name: str) -> int:
    """Return an id for a name of the vectors."""
    return int.from_bytes(name.encode())


def _people(names: Sequence[str]) -> tuple[int, ...]:
    return tuple(map(_person, names))


def _layer(number: int, raw: dict[str, Any]) -> Layer:
    return Layer(
        id=number,
        slots=tuple(map(_people, raw["slots"])),
        anchor=datetime.fromisoformat(raw["anchor"]),
        unit=Unit(raw["unit"]),
        every=raw["every"],
        tz=raw["tz"],
        windows=tuple(Window(w["start"], w["minutes"], frozenset(w["days"])) for w in raw["windows"]),
        start=_instant(raw["start"]) or (None if raw["from_anchor"] else LONG_AGO),
        end=_instant(raw["end"]),
        offset=raw["offset"],
    )


def _edit(number: int, raw: dict[str, Any]) -> Override:
    start, end = _instant(raw["start"]), _instant(raw["end"])
    assert start
    assert end
    return Override(
        id=number,
        seq=number,
        start=start,
        end=end,
        kind=OverrideKind(raw["kind"]),
        users=_people(raw["users"]),
        mapping={_person(old): _person(new) for old, new in raw.get("map") or []},
    )


@pytest.mark.parametrize("vector", VECTORS, ids=[v["id"] for v in VECTORS])
def test_vector(vector: dict[str, Any]) -> None:
    schedule = Schedule(
        id=1,
        name=vector["note"],
        tz="UTC",
        layers=tuple(_layer(i, raw) for i, raw in enumerate(vector["layers"])),
        overrides=tuple(_edit(i, raw) for i, raw in enumerate(vector["edits"])),
        inactive=frozenset(_people(vector["inactive"])),
    )
    a, b = _instant(vector["from"]), _instant(vector["to"])
    assert a
    assert b
    expected = [(_instant(s), _instant(e), _people(users)) for s, e, users in vector["expected"]]
    assert [(run.start, run.end, run.users) for run in between(schedule, a, b)] == expected
    for start, _, users in expected:
        assert start
        assert at(schedule, start) == users
