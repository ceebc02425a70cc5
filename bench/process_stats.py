"""Memory and CPU time of process trees, read from `/proc` (Linux)."""

import os
import signal
import time
from pathlib import Path

import httpx

TICKS = os.sysconf("SC_CLK_TCK")


def _parents() -> dict[int, int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_fields(int(entry.name))[1])
            except OSError:
                continue
    return parents


def _fields(pid: int) -> list[str]:
    """Return the fields of a process's `stat` after its name: state, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()


def tree(root: int) -> set[int]:
    """Return a process and all its descendants."""
    parents = _parents()
    pids = {root}
    while children := {pid for pid, parent in parents.items() if parent in pids} - pids:
        pids |= children
    return pids


def pss_mb(root: int, *, alone: bool = False) -> float:
    """Return the PSS of a process tree in MB, or only of its root; shared memory counts once."""
    total = 0
    for pid in {root} if alone else tree(root):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1024


def cpu_s(root: int) -> float:
    """Return the CPU seconds that a process tree has used so far, with those of its processes that have ended."""
    total = 0
    for pid in tree(root):
        try:
            fields = _fields(pid)
        except OSError:
            continue
        # user and system time of the process, and of its children that have ended
        total += sum(map(int, fields[11:15]))
    return total / TICKS


def kill_tree(root: int) -> int:
    """Kill a process and all its descendants with SIGKILL; return how many there were."""
    pids = tree(root)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return len(pids)


def ready_s(url: str, since: float, limit_s: float = 60) -> float:
    """Return the seconds from `since` until `url` answers with a status below 500, polling every 10 ms."""
    with httpx.Client() as http:
        while time.monotonic() - since < limit_s:
            try:
                if http.get(url).status_code < 500:
                    return time.monotonic() - since
            except httpx.TransportError:
                pass
            time.sleep(0.01)
    raise TimeoutError(f"{url} does not answer")
