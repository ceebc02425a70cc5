"""`python -m bench.run`: runs all workloads and writes `docs/performance.md`."""

import argparse
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from bench import machine, report
from bench.result import Result
from bench.workloads import (
    alert_storm,
    alertmanager,
    chats,
    command_line,
    event_streams,
    footprint,
    incident_viewers,
    ingest,
    large_organization,
    latency,
    learning_editor,
    mass_escalation,
    metrics_home,
    postmortem_search,
    reads,
    status_page_first_view,
    status_page_publishing,
    status_page_readers,
    synchronous_standby,
    two_processes,
    year_of_history,
)

Workload = Callable[[float], Awaitable[Result]]
WORKLOADS: dict[str, Workload] = {
    "W1": ingest.distinct,
    "W1b": ingest.hundred_groups,
    "W1c": ingest.few_connections,
    "W1d": ingest.hundred_alerts,
    "W1r": ingest.distinct_with_rules,
    "W1br": ingest.hundred_groups_with_rules,
    "W2": ingest.one_key,
    "W3": ingest.durability,
    "W4": latency.slow_trickle,
    "W5": latency.steady,
    "W5b": latency.burst,
    "W6": latency.storm,
    "W6b": alert_storm.storm,
    "W7": reads.who,
    "W8": reads.year,
    "W9": footprint.start,
    "W10": large_organization.monday,
    "W11": year_of_history.year,
    "W12": two_processes.one_service,
    "W13": incident_viewers.rooms,
    "W14": mass_escalation.escalations,
    "W14b": mass_escalation.steady_timers,
    "W14c": mass_escalation.acknowledged,
    "W15": event_streams.streams,
    "W16": command_line.help_texts,
    "W17": synchronous_standby.standby,
    "W18": alertmanager.beside_alertmanager,
    "W19": chats.busy_rooms,
    "W20": chats.alerts_while_slack_hangs,
    "W20b": chats.steady_alerts_while_slack_hangs,
    "W21": status_page_readers.readers,
    "W22": incident_viewers.long_room,
    "W23": status_page_publishing.publishing_to_subscribers,
    "W24": status_page_first_view.first_view,
    "W25": postmortem_search.search,
    "W25b": learning_editor.editor,
    "W27": metrics_home.five_years,
}
OUT = Path(__file__).parent.parent / "docs" / "performance.md"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(WORKLOADS), help="comma-separated, for example W1,W4")
    parser.add_argument(
        "--seconds", type=float, default=1, help="factor for every duration, such as 0.2 for a quick run"
    )
    return parser.parse_args()


async def _main(names: list[str], factor: float) -> bool:
    began, before = time.monotonic(), machine.busy()
    print(f"other programs use {before:.1f} cores", flush=True)
    results = []
    for name in names:
        result = await WORKLOADS[name](factor)
        print(report.table([result]).splitlines()[-1], flush=True)
        results.append(result)
    if names == list(WORKLOADS) and factor >= 1:
        minutes = (time.monotonic() - began) / 60
        text = report.page(await machine.describe(), results, (before, machine.busy()), minutes)
        OUT.write_text(text, encoding="utf-8")
        print(f"Written to {OUT}.")
    return all(result.held for result in results)


if __name__ == "__main__":
    chosen = _arguments()
    wanted = [name.strip() for name in chosen.only.split(",")]
    if unknown := set(wanted) - set(WORKLOADS):
        sys.exit(f"There is no workload {', '.join(sorted(unknown))}. Workloads: {', '.join(WORKLOADS)}.")
    sys.exit(0 if uvloop.run(_main(wanted, chosen.seconds)) else 1)
