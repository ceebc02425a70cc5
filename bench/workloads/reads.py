"""W7 and W8: who is on call, and a year of a rotation."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx

from bench.baseline import bare
from bench.load_runner import load
from bench.product import ROTATION, product
from bench.result import Result, check, number


async def who(factor: float) -> Result:
    """W7: who is on call now, with 1 and with 32 readers."""
    async with product() as it:
        await it.start()
        size, answer = await _body(f"{it.url}/api/v1/oncall", it.api_key)
        people = sum(len(schedule["people"]) for schedule in answer["schedules"])
        header = f"Authorization: Bearer {it.api_key}"
        one = await load(
            *(f"{it.url}/api/v1/oncall", it.folder / "one.tsv"),
            method="GET",
            header=header,
            conns=1,
            count=100,
        )
        concurrent = await load(
            *(f"{it.url}/api/v1/oncall", it.folder / "many.tsv"),
            method="GET",
            header=header,
            conns=32,
            duration=6 * factor,
        )
        async with bare(it) as other:
            url = f"{other}/bytes/{size}"
            least = await load(url, it.folder / "bare.tsv", method="GET", conns=1, count=100)
            most = await load(url, it.folder / "bare32.tsv", method="GET", conns=32, duration=3 * factor)
    return Result(
        "W7",
        "who is on call, over the API with a key",
        f"1 reader p50/p99 {number(one.p50_ms)}/{number(one.p99_ms)} ms; 32 readers"
        f" {number(concurrent.ok_per_s)}/s, p99 {number(concurrent.p99_ms)} ms",
        f"bare server, same size: p50 {number(least.p50_ms)} ms, {number(most.ok_per_s)}/s:"
        f" ratios {number(one.p50_ms / least.p50_ms)} and {number(concurrent.ok_per_s / most.ok_per_s)}",
        (("stretch p99 <= 5 ms", one.p99_ms <= 5),),
        check(people_on_call=(people, 2), failed=(one.n + concurrent.n - one.ok - concurrent.ok, 0)),
    )


async def year(factor: float) -> Result:
    """W8: a year of a daily rotation of 20 people."""
    async with product() as it:
        await it.start()
        start = datetime.now(UTC).replace(microsecond=0)
        span = f"from={quote(start.isoformat())}&to={quote((start + timedelta(days=365)).isoformat())}"
        url = f"{it.url}/api/v1/schedules/daily/shifts?{span}"
        size, answer = await _body(url, it.api_key)
        shifts = answer["shifts"]
        result = await load(
            *(url, it.folder / "year.tsv"),
            method="GET",
            header=f"Authorization: Bearer {it.api_key}",
            conns=1,
            count=100,
        )
        async with bare(it) as other:
            least = await load(
                f"{other}/bytes/{size}", it.folder / "bare.tsv", method="GET", conns=1, count=100
            )
    return Result(
        "W8",
        f"one year of a daily rotation of {ROTATION} people ({size // 1000} kB)",
        f"p50/p99 {number(result.p50_ms)}/{number(result.p99_ms)} ms",
        f"bare server, same size: p50 {number(least.p50_ms)} ms: ratio {number(result.p50_ms / least.p50_ms)}",
        (("stretch p99 <= 25 ms", result.p99_ms <= 25),),
        check(
            shifts=(len(shifts), 366),
            people=(len({p["id"] for shift in shifts for p in shift["people"]}), ROTATION),
            failed=(result.n - result.ok, 0),
        ),
    )


async def _body(url: str, key: str) -> tuple[int, dict[str, list[dict[str, list[dict[str, int]]]]]]:
    async with httpx.AsyncClient() as http:
        response = await http.get(url, headers={"Authorization": f"Bearer {key}"})
        response.raise_for_status()
        return len(response.content), json.loads(response.content)
