"""Run a runbook again and again, killed at each point of its journal, and resume it each time."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firebell.cli import main
from firebell.commands import runbook_run_journal, runbook_run_start
from tests.cli.runbook_runs import runbook

STEPS = """### 1. Once

```bash run=auto
echo once >>"$WORK/log"
```

### 2. Again

```bash run=auto idempotent
echo again >>"$WORK/log"
```

### 3. Last

```bash run=auto
echo last >>"$WORK/log"
```
"""


def in_child(act: Callable[[], None]) -> int:
    """Run in a forked process and return its exit code, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        try:
            act()
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else 0)
        os._exit(99)
    status = os.waitpid(pid, 0)[1]
    return os.waitstatus_to_exitcode(status)


def killed_at(point: int, *, torn: bool) -> None:
    """Kill this process when it writes line number `point` of a journal: before it, or in the middle of it."""
    original = runbook_run_journal.Journal.append
    lines = 0

    def append(journal: Any, kind: str, value: Any, *, durable: bool = True) -> None:
        nonlocal lines
        lines += 1
        if lines == point:
            if torn:
                os.write(journal._file.fileno(), b'{"event": {"seq"')
            os.kill(os.getpid(), signal.SIGKILL)
        original(journal, kind, value, durable=durable)

    runbook_run_journal.Journal.append = append  # type: ignore[method-assign,assignment]


def main_loop(folder: Path) -> list[dict[str, Any]]:
    """Return what happened for each point."""
    path = folder / "kill.md"
    path.write_text(runbook(STEPS, prerequisites="```bash run=auto idempotent\ntrue\n```"), encoding="utf-8")
    # imported once, for every child
    assert runbook_run_start.__name__
    outcomes = []
    for point in range(2, 40):
        shutil.rmtree(folder / "state", ignore_errors=True)
        (folder / "log").unlink(missing_ok=True)

        def first(point: int = point) -> None:
            killed_at(point, torn=point % 2 == 0)
            main(["runbook", "run", "--file", str(path), "--yes"])

        if in_child(first) != -signal.SIGKILL:
            break
        code = in_child(lambda: main(["runbook", "run", "--resume", "--yes"]))
        log = (folder / "log").read_text().split() if (folder / "log").exists() else []
        outcomes.append({"point": point, "code": code, "log": log})
    return outcomes


if __name__ == "__main__":
    print(json.dumps(main_loop(Path(sys.argv[1]))))
