"""W17: every commit waits for a synchronous standby, beside the same server without one."""

from bench.debian_postgres import debian_postgres
from bench.load_runner import HERE, Load, load
from bench.product import product
from bench.result import Result, check, number

CONNECTIONS = 32
GROUPS = 100


async def standby(factor: float) -> Result:
    """W17: W1b on one of Debian's PostgreSQL servers, alone and then with a standby on the same machine."""
    alone, wrong = await _ingest(8 * factor, synchronous_standby=False)
    waiting, more_wrong = await _ingest(8 * factor, synchronous_standby=True)
    ratio = waiting.ok_per_s / alone.ok_per_s
    return Result(
        "W17",
        f"{CONNECTIONS} connections, every alert new, in one of {GROUPS} groups; each commit waits for a synchronous"
        " standby",
        f"{number(waiting.ok_per_s)} 2xx/s, p50/p99 ms {number(waiting.p50_ms)}/{number(waiting.p99_ms)}",
        f"the same server without a standby {number(alone.ok_per_s)}/s,"
        f" p50/p99 ms {number(alone.p50_ms)}/{number(alone.p99_ms)}: ratio {number(ratio)}",
        ((">= 0.5 x alone", ratio >= 0.5),),
        (*wrong, *more_wrong),
    )


async def _ingest(seconds: float, *, synchronous_standby: bool) -> tuple[Load, tuple[str, ...]]:
    async with (
        debian_postgres(synchronous_standby=synchronous_standby) as dsn,
        product(database_url=dsn) as it,
    ):
        await it.start()
        body = HERE / "alert_grouped.json"
        # the pages of the groups are opened before, so that their messages are no part of it
        before = await load(
            it.inbound, it.folder / "before.tsv", conns=8, count=3 * GROUPS, run="b", body=body
        )
        await it.sink.settled(GROUPS, 60)
        result = await load(
            it.inbound, it.folder / "load.tsv", conns=CONNECTIONS, duration=seconds, body=body
        )
        accepted = before.ok + result.ok
        wrong = check(
            rows=(await it.value("select count(*) from event"), accepted),
            refused=(result.n - result.ok, 0),
            alerts=(await it.value("select count(*) from alert"), accepted),
            pages=(await it.value("select count(*) from page"), GROUPS),
        )
    return result, wrong
