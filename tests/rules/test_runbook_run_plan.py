"""The steps of a run, read off the text of a runbook."""

from firebell.kit import handbook_files
from firebell.runbooks.parse import title_of
from firebell.runbooks.runs.steps_from_text import STEPS_MAX, sha256_of, steps_of

TEXT = """# Search is slow

## Prerequisites

- A shell on `search-1`.

Set these:

```bash
: "${HOST:?}"
```

## Steps

### 1. Look at it

Why it matters.

```bash id=look
uptime
```

Expected: a load below 4.

Then, on the other host:

```bash
uptime
```

```text
not a command
```

### 2. Decide

Ask the owner.

### 3. Restart

```bash undo=stop,drain idempotent
restart
```

## Verification

Two things must hold.

```bash
curl -f localhost
```

- No errors for ten minutes.

## Rollback

```bash id=drain
drain
```

```bash id=stop
stop
```
"""


def test_each_command_is_a_step_and_so_is_text_without_one() -> None:
    steps = steps_of(TEXT)
    assert [(s.part, s.position, s.label, s.title, s.language) for s in steps] == [
        ("Prerequisites", 1, "", "A shell on search-1.", ""),
        ("Prerequisites", 2, "", "Set these", "bash"),
        ("Steps", 1, "1", "Look at it", "bash"),
        ("Steps", 2, "1b", "Then, on the other host", "bash"),
        ("Steps", 3, "2", "Decide", ""),
        ("Steps", 4, "3", "Restart", "bash"),
        ("Verification", 1, "", "Two things must hold.", "bash"),
        ("Verification", 2, "", "No errors for ten minutes.", ""),
        ("Rollback", 1, "", "Rollback", "bash"),
        ("Rollback", 2, "", "Rollback", "bash"),
    ]


def test_a_step_has_its_text_its_hash_and_what_its_code_block_names() -> None:
    by_key = {s.key: s for s in steps_of(TEXT)}
    look, second, restart = by_key["Steps", 1], by_key["Steps", 2], by_key["Steps", 4]
    assert "Why it matters." in look.text
    assert "Expected: a load below 4." in look.text
    assert "not a command" in second.text
    assert (look.fence_id, look.fence_sha) == ("look", sha256_of("uptime\n"))
    assert TEXT.split("\n")[look.line - 1] == "```bash id=look"
    assert restart.undo == ("stop", "drain")
    assert by_key["Rollback", 2].fence_id == "stop"


def test_no_line_of_a_part_is_lost() -> None:
    shown = "\n".join(s.text for s in steps_of(TEXT))
    parts = TEXT.split("## Prerequisites")[1]
    for line in parts.splitlines():
        assert line.startswith("## ") or line in shown, line


def test_windows_line_endings_a_byte_order_mark_and_front_matter_change_no_step() -> None:
    windows = "\ufeff---\nowner: x\n---\n" + TEXT.replace("\n", "\r\n")
    assert [s.title for s in steps_of(windows)] == [s.title for s in steps_of(TEXT)]


def test_numbered_items_are_steps_with_their_commands() -> None:
    steps = steps_of("## Steps\n\n1. Look\n\n   ```bash\n   uptime\n   ```\n\n2. Decide\n\n3. Wait\n")
    assert [(s.label, s.title, s.language) for s in steps] == [
        ("1", "Look", "bash"),
        ("2", "Decide", ""),
        ("3", "Wait", ""),
    ]


def test_a_text_without_the_parts_has_no_steps() -> None:
    assert steps_of("") == []
    assert steps_of("# Title\n\nWords.\n\n```bash\nuptime\n```\n") == []
    assert steps_of("## Steps\n") == []


def test_a_huge_text_has_a_bounded_number_of_steps_and_loses_none_of_it() -> None:
    text = "## Steps\n\n" + "\n".join(f"### {n}. Step\n\nText {n}." for n in range(1, STEPS_MAX + 100))
    steps = steps_of(text)
    assert len(steps) == STEPS_MAX
    assert f"Text {STEPS_MAX + 99}." in steps[-1].text


def test_the_shipped_runbooks_have_titled_steps_in_every_part() -> None:
    for slug in ("database-failover", "cache-invalidation", "ddos-mitigation"):
        steps = steps_of(handbook_files.skill(f"examples/runbooks/{slug}.md"))
        assert {s.part for s in steps} == {"Prerequisites", "Steps", "Verification", "Rollback"}
        assert all(s.title for s in steps)
        assert len({s.key for s in steps}) == len(steps)


def test_the_title_is_read_without_parsing_the_text() -> None:
    assert title_of(TEXT) == "Search is slow"
    assert title_of("---\ntitle: From the front\n---\nWords\n") == "From the front"
    assert title_of("Words\n") == ""
