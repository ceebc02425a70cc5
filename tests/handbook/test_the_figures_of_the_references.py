"""The queries, rotas, burn rates and prices of the references give the figures that stand in their text."""

import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from firebell.handbook import shipped_content
from firebell.kit.handbook_files import skill

METRICS, ONCALL, ALERTS, TOOLS = (
    skill(f"references/{name}.md") for name in ("metrics", "on-call", "alert-design", "tool-comparison")
)


def queries(heading: str) -> str:
    """Return the block of SQL below a heading of the metrics."""
    part = METRICS.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```sql\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)
    return str(block)


async def test_the_queries_of_the_metrics_give_what_the_examples_say(dsn: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute(queries("The sample"))

        async def rows(heading: str) -> list[tuple[object, ...]]:
            return [tuple(row.values()) for row in await conn.fetch(queries(heading).rstrip().rstrip(";"))]

        assert await rows("MTTA") == [(6, Decimal(83), 3.5)]
        assert await rows("MTTR and time to mitigate") == [(6, Decimal(50), 62.5, 42.5)]
        assert (await rows("MTBF"))[0] == ("checkout", 4, Decimal("23.0"))
        assert await rows("Frequency and severity") == [
            ("2026-07", 1, 1, 1),
            ("2026-08", 0, 2, 0),
            ("2026-09", 0, 2, 1),
        ]
        assert await rows("Repeats") == [("INC-112", "INC-101", 30)]
        assert await rows("Action completion") == [(10, Decimal(80))]
    finally:
        await conn.close()
    for words in ("83%", "3.5 minutes", "62.5", "42.5", "every 23 days", "30 days after INC-101", "80%"):
        assert words in METRICS, words


@pytest.mark.parametrize("column", ["Weekdays", "Weekend", "Secondary"])
def test_the_rota_of_six_gives_everyone_the_same(column: str) -> None:
    head, *rows = shipped_content.table("references/on-call.md", "Six people, split week")
    people = Counter(row[head.index(column)] for row in rows)
    assert len(people) == 6
    assert set(people.values()) == {1}
    assert all(len(set(row[1:])) == 3 for row in rows)


def test_the_hours_of_follow_the_sun_are_those_of_the_time_zones() -> None:
    head, *rows = shipped_content.table("references/on-call.md", "Follow-the-sun")
    for row in rows:
        cells = dict(zip(head, row, strict=True))
        zone = ZoneInfo(cells["Zone"])
        for column, month in (("UTC in January", 1), ("UTC in July", 7)):
            hours = [int(hour) for hour in re.findall(r"(\d\d):00", cells["Local hours"])]
            utc = [datetime(2027, month, 15, hour, tzinfo=zone).astimezone(UTC).hour for hour in hours]
            assert cells[column] == f"{utc[0]:02}:00 to {utc[1]:02}:00", (cells["Region"], column)


def test_a_week_of_on_call_pays_what_its_lines_add_up_to() -> None:
    lines = [int(n) for n in re.findall(r"^\| (?!Total|Secondary).*= \$(\d+) \|$", ONCALL, re.MULTILINE)]
    total = re.search(r"^\| Total \| \| \$(\d+) \|$", ONCALL, re.MULTILINE)
    assert total
    assert sum(lines) == int(total[1]) == 695


def test_the_burn_rates_follow_from_the_budget_and_the_windows() -> None:
    hours = {"1 h": 1, "6 h": 6, "3 d": 72}
    head, *rows = shipped_content.table("references/alert-design.md", "Burn rates")
    for objective, budget, minutes in rows:
        allowed = 100 - float(objective.rstrip("%"))
        assert float(budget.rstrip("%")) == pytest.approx(allowed)
        assert float(minutes) == pytest.approx(30 * 24 * 60 * allowed / 100, abs=0.03)
    assert head[0] == "Objective over 30 days"
    alerts = re.findall(
        r"^\| \w+ \| ([\d.]+) \| (\d \w) \| [^|]+ \| (\d+)% \| ([\d.]+)% \|", ALERTS, re.MULTILINE
    )
    assert len(alerts) == 3
    for rate, window, used, errors in alerts:
        assert float(rate) == pytest.approx(float(used) / 100 * 720 / hours[window])
        assert float(errors) == pytest.approx(float(rate) * 0.1)


def test_the_cost_by_size_is_the_price_times_people_times_twelve() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| \$(\d+) \| \$([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", TOOLS, re.MULTILINE
    )
    assert len(rows) == 7
    for plan, price, *cells in rows:
        for people, cell in zip((5, 25, 100, 500), cells, strict=True):
            amount = re.match(r"\$?([\d,]+)", cell)
            assert "by quote" in cell or (
                amount and int(amount[1].replace(",", "")) == int(price) * people * 12
            ), plan
