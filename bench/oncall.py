"""In-process timings of the on-call core: a year of a large schedule, and single instants."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Unit, Window
from firebell.oncall.rota import rotation
from firebell.oncall.rota.shifts import at, between

START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
PEOPLE = 20


def large() -> Schedule:
    """Return a daily rotation of 20 people in three layers of three time zones, with 50 overrides."""
    days = frozenset(range(7))
    zones = (
        ("Europe/Stockholm", ()),
        ("America/New_York", (Window(9 * 60, 10 * 60, days),)),
        ("Australia/Sydney", (Window(9 * 60, 8 * 60, frozenset(range(5))),)),
    )
    layers = tuple(
        Layer(
            i,
            tuple((p,) for p in range(i, PEOPLE + i)),
            datetime(2020, 1, 1, 9),  # noqa: DTZ001 - local time
            Unit.DAY,
            1,
            tz,
            windows,
        )
        for i, (tz, windows) in enumerate(zones)
    )
    overrides = tuple(
        Override(
            n,
            n,
            START + timedelta(days=7 * n),
            START + timedelta(days=7 * n, hours=30),
            OverrideKind.SET,
            (n % PEOPLE,),
        )
        for n in range(50)
    )
    return Schedule(1, "large", "UTC", layers, overrides)


def measure(what: str, run: Callable[[], object], times: int) -> None:
    """Print the median and the maximum of several runs, in milliseconds."""
    durations_ms = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        durations_ms.append((time.perf_counter() - began) * 1000)
    print(f"{what}: median {statistics.median(durations_ms):.3f} ms, max {max(durations_ms):.3f} ms")


def main() -> None:
    """Measure with cold and with warm caches."""
    schedule = large()

    def cold() -> None:
        rotation.clear_instant_cache()
        between(schedule, START, START + YEAR)

    measure("a year, cold", cold, 30)
    measure("a year, warm", lambda: between(schedule, START, START + YEAR), 30)
    for years in (0, 10, 100):
        t = START + years * YEAR
        measure(f"one instant after {years} years", lambda t=t: at(schedule, t), 200)  # type: ignore[misc]
    print(f"{len(between(schedule, START, START + YEAR))} shifts")


if __name__ == "__main__":
    main()
