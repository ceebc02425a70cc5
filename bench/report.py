"""Writes the results to `docs/performance.md`."""

from collections.abc import Sequence

from bench.machine import Machine
from bench.result import Result, number

PEERS = """\
| | Alertmanager 0.25 (memory only) | Keep 0.54 (PG) | Grafana OnCall (PG + Redis) | Dispatch (PG) | LinkedIn oncall |
|---|---|---|---|---|---|
| W1 2xx/s, p50/p99 ms | 9,608, 1.8/20 | 60, 340/1,759 | 207, 147/278 | 28, 1,038/2,225 | - |
| stored per second | none durable | 15-33 | 5-44 | 28 | - |
| W2 | 13,172 | 96 | 153 | - | - |
| W3 kept of accepted | 0 | 34 of 100 | all (in Redis) | 20 of 20 | - |
| W4 p50/p99 ms | 0.3/2.7 | 683/850 | 265/824 | - | - |
| W5 p50/p99 | 0.4/6.3 ms | 11.7/22.5 s | 74/85 s | - | - |
| W6 | 0.94 s accept, 108 messages | ~11 min | ~3.8 min, 100 messages | - | - |
| W7 p50/p99 ms | - | - | 34/1,111 | - | 1.45/2.8, 957/s |
| W8 p50/p99 ms | - | - | 132/180 | - | 12/19 |
| W9 ready, idle MB | <0.1 s, 32 | 12 s, 600-1,040 | 6-8 s, 700-970 | 17-36 s, 615 | 5.5 s, 196 |
"""

_HEAD = """\
# Performance

The result of one run of `make bench`. `bench/report.py` writes this file; do not edit it by hand.

Every workload starts a real `firebell serve` with an embedded PostgreSQL in an empty folder, with every setting \
at its default: `fsync` and `synchronous_commit` on, every table logged, every 2xx after the commit. The load \
client, the webhook sink and the baselines run on the same cores. The column "baseline" is measured in the same \
run, on the same PostgreSQL where it uses one. Read the ratios first, then the figures.
"""

_TAIL = """\
## The workloads

`bench/alert.json` is an Alertmanager webhook v4 message with one alert. Its `service` label decides the group, \
so W4 and W5 open one page per request, each with its escalation timer, delivery and webhook message. W1 does \
the same for the 1,000 groups that a service opens within five minutes; all later alerts go to one page for the \
storm (`docs/decisions/0011-one-page-per-storm.md`). W1b puts the same new alerts into 100 groups \
(`bench/alert_grouped.json`). W10 adds 200 teams of 25 people first. Then the handoffs and checks of their 400 \
schedules are due in one second, and a document is drafted for each. W19 and W20 speak to a stand-in of Slack, \
which checks each call and limits them as Slack does. W23 measures a publish from the request until a reader gets \
the new page, with the limit of mails a second set to its maximum; W24 loads a page with an empty cache in headless \
Chromium, throttled as Lighthouse's slow 4G with a processor four times slower. W11 also previews a \
change of routing and a silence over all its alerts; their starts are first moved into the 30 days that previews \
replay. W25 searches documents with words from a vocabulary of 20,000; W25b writes one as the editor does, \
each text a new one. W18 compares different promises: \
Alertmanager keeps alerts in memory and loses accepted alerts in a crash, while each 2xx of Firebell is a \
committed row. Both send their messages meanwhile, on the cores that the load client uses too. Firebell needs about \
0.2 ms of CPU time for an alert, half of it in PostgreSQL; to reach 1.5 times the rate of a program that writes \
nothing to disk, it would need half as much. "Correct" means: every accepted \
request is a row at the end and ten seconds later; the counts of alerts, events, pages and messages are exactly \
what they must be.

## Other tools

One run each on a 2-core machine, ±30%, measured by the Firebell team with the same requests, but not in this \
run. "Memory only" means that a crash loses accepted alerts.

"""

_END = """
GoAlert was not measured: its engine runs every 5 s, and it sends at most one message per minute and contact method.

## Run it yourself

`make bench` (about {minutes} minutes). `python -m bench.run --only W1,W4` runs and prints single workloads, and \
`--seconds 0.2` shortens them. Only a full run writes this file.

## Limits of these numbers

- The load client uses the same cores as Firebell, which would be faster on a machine of its own.
- The disk limits commits: one connection gets {commits} one-row commits per second here.
- The local webhook sink answers at once. Real providers take 50 to 500 ms and limit their rate: W4 to W6 \
measure Firebell, not the delivery to a phone.
- It is one run on a new database (W11 has years of history), without vacuum under load or a full disk.
- All but W12 and W17 are one process on one server.
"""


def _bars(result: Result) -> str:
    if not result.bars:
        return "-"
    return "; ".join(f"{name}: {'yes' if held else '**no**'}" for name, held in result.bars)


def table(results: Sequence[Result]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| | workload | measured | baseline | targets | correct |", "|---|---|---|---|---|---|"]
    for r in results:
        correct = "yes" if not r.wrong else "**no**: " + "; ".join(r.wrong)
        lines.append(f"| {r.workload} | {r.what} | {r.measured} | {r.beside} | {_bars(r)} | {correct} |")
    return "\n".join(lines) + "\n"


def page(machine: Machine, results: Sequence[Result], others: tuple[float, float], minutes: float) -> str:
    """Return the whole page as Markdown."""
    facts = (
        f"{machine.date}, revision {machine.revision}: {machine.cores} cores of {machine.cpu},"
        f" {machine.memory_gb} GB, {machine.system}, Python {machine.python}, PostgreSQL {machine.postgres}"
        f" (embedded). Other programs used {others[0]:.1f} cores before the run and {others[1]:.1f} after it.\n"
    )
    end = _END.format(minutes=round(minutes) or 1, commits=number(machine.commits_per_s))
    return "\n".join([_HEAD, facts, table(results), _TAIL + PEERS + end])
