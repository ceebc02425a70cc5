"""The live room in a terminal: every line fits its columns, and no entry controls the terminal."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firebell.commands.incident_lines import timeline_markdown
from firebell.commands.room_lines import cut, entry_lines, status_line, text_width


def entry(text: str, by: str = "Mara Lindqvist", kind: str = "note") -> dict[str, Any]:
    return {"id": 1, "at": "2026-11-24T03:14:00Z", "by": by, "kind": kind, "text": text}


TEXTS = [
    "Rolled build 4812 back",
    "word " * 60,
    "x" * 300,
    "障害が発生しました。決済が失敗しています。" * 8,
    "one\ntwo\n\nfour",
    "e\u0301" * 100,
    "🔥" * 90,
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_every_line_fits_and_no_character_is_lost(text: str, columns: int) -> None:
    lines = entry_lines(entry(text), columns, "03:14")
    assert max(map(text_width, lines)) <= columns
    assert "".join("".join(lines).split()).endswith("".join(text.split()))


def test_a_short_entry_is_one_line() -> None:
    assert entry_lines(entry("Rolled back"), 80, "03:14") == ["03:14  Mara Lindqvist [note]  Rolled back"]


def test_an_entry_never_controls_the_terminal() -> None:
    lines = entry_lines(entry("\x1b[2Jgone\r\x07\x9b31m", by="\x1b]0;title\x07Eve"), 80, "03:14")
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for line in lines for c in line)


@pytest.mark.parametrize(("text", "columns"), [("障害障害", 5), ("abcdef", 4), ("", 3), ("ab", 0)])
def test_a_cut_text_fits(text: str, columns: int) -> None:
    assert text_width(cut(text, columns)) <= columns


def test_the_state_says_commander_running_time_and_next_update() -> None:
    now = datetime(2026, 11, 24, 3, 56, 17, tzinfo=UTC)
    incident = {
        "ref": "INC-1",
        "severity": "SEV1",
        "phase": "mitigating",
        "roles": [{"role": "commander", "person": "Mara Lindqvist"}],
        "declared_at": "2026-11-24T03:14:00Z",
        "closed_at": None,
        "update_due_at": "2026-11-24T03:55:00Z",
    }
    line = status_line(incident, now, 80)
    assert line == "INC-1 SEV1 mitigating · 42:17 · commander Mara Lindqvist · update overdue 1:17"
    assert text_width(status_line({**incident, "roles": []}, now, 30)) <= 30


def test_a_timeline_as_markdown_keeps_paragraphs_in_their_entry() -> None:
    text = timeline_markdown({"ref": "INC-1", "title": "Cards fail"}, [entry("one\ntwo")])
    assert text.splitlines() == [
        "# Timeline of INC-1: Cards fail",
        "",
        "- **2026-11-24 03:14 UTC** Mara Lindqvist (note): one",
        "  two",
    ]
