"""How automated a runbook is, and when it was last exercised."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.runbooks.automation import (
    AutomationLevel,
    automation_level,
    exercises,
    run_figures,
)
from firebell.runbooks.model import RunSummary
from firebell.runbooks.parse import read

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FULL = """---
vars: {HOST: {type: host}}
---
# A

## Steps

### 1. Look

```bash run=auto undo=back
ssh "$HOST" true
```

### 2. Fix

```bash
X=1; echo "$X"
```

## Verification

```bash expect=/ok/
echo ok
```

## Rollback

```bash id=back
true
```
"""
RUN = RunSummary(
    NOW - timedelta(days=1), has_succeeded=True, is_cli=True, is_unattended=True, steps=5, steps_done=4
)


@pytest.mark.parametrize(
    ("text", "runs", "level"),
    [
        ("# A\n\n## Steps\n\n1. Phone them.\n", [], 0),
        ("# A\n\n## Steps\n\n```sql\nselect 1\n```\n", [], 0),
        (FULL.replace("```bash\nX=1", "```text\nX=1"), [RUN], 1),
        (FULL.replace("vars: {HOST: {type: host}}", "id: a"), [RUN], 1),
        (FULL.replace(" expect=/ok/", ""), [RUN], 1),
        (FULL, [], 2),
        (FULL, [replace(RUN, ended_at=NOW - timedelta(days=181))], 2),
        (FULL, [replace(RUN, is_cli=False)], 2),
        (FULL, [replace(RUN, is_dry=True)], 2),
        (FULL, [replace(RUN, has_succeeded=False)], 2),
        (FULL, [replace(RUN, is_unattended=False)], 3),
        (FULL.replace("run=auto", "run=manual"), [RUN], 3),
        (FULL.replace(" undo=back", ""), [RUN], 3),
        (FULL, [RUN], 4),
    ],
)
def test_the_automation_level(text: str, runs: list[RunSummary], level: int) -> None:
    assert automation_level(read(text), runs, NOW) is AutomationLevel(level)


def test_only_a_real_run_of_most_steps_exercises_a_runbook() -> None:
    earlier = replace(RUN, ended_at=NOW - timedelta(days=9), has_succeeded=False, is_rolled_back=True)
    not_counted = [
        replace(RUN, is_dry=True),
        replace(RUN, steps_done=3),
        replace(RUN, steps=0, steps_done=0),
        replace(RUN, has_succeeded=False),
        replace(RUN, ended_at=None),
    ]
    assert [exercises(run) for run in not_counted] == [False] * len(not_counted)
    assert exercises(earlier)
    assert exercises(RUN)


def test_the_figures_count_real_runs_that_ended_in_the_window() -> None:
    by_hand = replace(RUN, has_succeeded=False, is_rolled_back=True)
    runs = [replace(RUN, steps_by_machine=3), by_hand, replace(RUN, is_dry=True), replace(RUN, ended_at=NOW)]
    figures = run_figures(runs, NOW - timedelta(days=90), NOW)
    assert (figures.ended, figures.succeeded, figures.rolled_back) == (2, 1, 1)
    assert (figures.steps, figures.by_machine, figures.machine_percent) == (8, 3, 38)
    assert run_figures([], NOW, NOW).machine_percent is None
