"""The list of incidents counts each tab and filter under the others, and says what the filtered incidents cost."""

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.incidents.incident_list import list_numbers_store
from firebell.incidents.incident_list import store as list_store
from firebell.incidents.incident_list.list_numbers import month_starts
from firebell.incidents.incident_list.web import TABS, in_tab, tab_counts
from firebell.incidents.model import IncidentFilter, Phase, Sort
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser
from tests.api.test_filters_of_the_list_of_incidents import fill, rows_of
from tests.api.test_filters_of_the_list_of_pages import totals
from tests.api.test_long_lists_on_the_web import link, read, signed_in
from tests.world import World, world


@pytest.fixture
async def w(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    async with world(dsn, clock) as opened:
        await fill(opened)
        yield opened


def menu(page: str, label: str) -> dict[str, str]:
    """Return the options of a menu with their counts."""
    part = re.split(rf"<summary[^>]*>\s*{label}", page)[1].partition("</details>")[0]
    options = re.findall(
        r'(?:<a class="btn quiet"[^>]*>|checked>|value="\d">)\s*([^<]+?)<span[^>]*>(\d+)<', part
    )
    return dict(options)


async def test_each_option_counts_what_it_leads_to_under_the_other_filters(w: World) -> None:
    async with browser(w) as http:
        await signed_in(http)
        page = await read(http, "/incidents?state=all&severity=2")
        assert menu(page, "Severity") == {"SEV0": "0", "SEV1": "1", "SEV2": "2", "SEV3": "1"}
        assert menu(page, "Month") == {"November 2026": "1", "October 2026": "1"}
        assert menu(page, "Service") == {"Checkout": "1"}
        assert menu(page, "Commander") == {"Jun Okafor": "1"}
        drill = await read(http, "/incidents?state=drill")
        assert menu(drill, "Severity")["SEV0"] == "1"
        matching = await read(http, "/incidents?state=all&q=slow")
        assert menu(matching, "Severity") == {"SEV0": "0", "SEV1": "0", "SEV2": "1", "SEV3": "1"}
        assert totals(matching) == {"open": "2", "postmortem": "0", "closed": "0", "all": "2", "drill": "0"}


async def test_a_list_is_the_same_whether_its_words_are_searched_for_once_or_in_each_statement(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = [f"/incidents?state={state}&q=slow&severity=2" for state in ("all", "open", "closed")]
    async with browser(w) as http, w.ctx.db.tx() as tx:
        await signed_in(http)
        once = await list_store.searched_once(tx, IncidentFilter(words=("slow",)))
        assert (once.words, len(once.among or ())) == ((), 2)
        few = [(rows_of(page), totals(page)) for page in [await read(http, url) for url in addresses]]
        monkeypatch.setattr(list_store, "FEW_MATCHES", 1)
        assert (await list_store.searched_once(tx, IncidentFilter(words=("slow",)))).among is None
        many = [(rows_of(page), totals(page)) for page in [await read(http, url) for url in addresses]]
    assert few == many
    assert few[0][0] != []


async def test_tabs_of_common_words_have_the_counts_that_each_has_alone(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            """
            insert into incident (title, severity, max_severity, phase, drill, detected_at, declared_at, severity_at,
                closed_at)
            select
                'Customers wait ' || i, 2, 2, case when i % 100 = 0 then 'investigating' else 'closed' end,
                i % 150 = 0, at, at, at, case when i % 100 = 0 then null else at end
            from generate_series(1, $2::int) i
            cross join lateral (select $1::timestamptz - i * interval '1 hour' as at) moment
            """,
            w.now,
            list_store.COUNTED * 6 // 5,
        )
    many = IncidentFilter(words=("customers",))
    for wanted in (many, replace(many, severities=(2,)), replace(many, severities=(1,))):
        async with w.ctx.db.tx() as tx:
            alone = await list_store.counts(tx, {name: in_tab(name, wanted) for name in TABS})
            for tab in TABS:
                assert await tab_counts(tx, wanted, tab, alone[tab]) == alone
    async with browser(w) as http:
        await signed_in(http)
        for tab in TABS:
            page = await read(http, f"/incidents?state={tab}&q=customers")
            assert totals(page) == {
                "open": "4",
                "postmortem": "0",
                "closed": "500+",
                "all": "500+",
                "drill": "4",
            }


async def test_a_month_is_compared_with_the_one_before(w: World) -> None:
    async with browser(w) as http:
        await signed_in(http)
        page = await read(http, "/incidents?state=all&month=2026-11")
        numbers = page.partition('id="numbers"')[2].partition("</dl>")[0]
        assert "<dd>3 <small>2 more than October</small>" in numbers
        assert "<dt>Post-mortems due</dt><dd>1" in numbers


async def test_numbers_measure_impact_and_mitigation_of_the_filtered_incidents(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            """
            update incident
            set impact_end = detected_at + id * interval '10 minutes', impact_start = detected_at
            where id in (1, 2)
            """
        )
        ended = await list_numbers_store.newest_ids(tx, IncidentFilter(phases=(Phase.CLOSED, Phase.REVIEWED)))
        numbers = await list_numbers_store.numbers(tx, ended, w.now)
        assert numbers.impact == timedelta(minutes=30) + timedelta(minutes=100)
        some = await list_numbers_store.newest_ids(tx, IncidentFilter(severities=(2,), drill=False))
        only = await list_numbers_store.numbers(tx, some, w.now)
    assert only.incidents == 2
    assert only.median_mitigation == timedelta(minutes=20)


def test_the_months_include_the_chosen_one_and_begin_at_local_midnight() -> None:
    latest = datetime(2026, 11, 1, tzinfo=UTC)
    starts = month_starts(latest, datetime(2020, 1, 1, tzinfo=UTC))
    assert starts[:2] == [datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC)]
    assert starts[-2:] == [latest, datetime(2026, 12, 1, tzinfo=UTC)]
    assert len(starts) == 27


@pytest.mark.parametrize("sort", list(Sort))
async def test_open_incidents_are_on_top_in_each_order_and_no_one_is_lost(w: World, sort: Sort) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            """
            insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at,
                closed_at)
            select 'incident ' || i, i % 4, 0, case when i % 5 = 0 then 'declared' else 'closed' end, $1, $1, $1,
                case when i % 5 > 0 then $1::timestamptz + i * interval '1 minute' end
            from generate_series(1, 60) i
            """,
            w.now,
        )
        whole = await list_store.incidents(tx, IncidentFilter(drill=False), sort, limit=500)
        is_open = [incident.closed_at is None for incident in whole]
        assert is_open == sorted(is_open, reverse=True)
        assert len({i.id for i in whole}) == 64
        down: list[int] = []
        place = None
        while part := await list_store.incidents(tx, IncidentFilter(drill=False), sort, limit=7, place=place):
            down += [i.id for i in part]
            place = part[-1].id
        assert down == [i.id for i in whole]
        up: list[int] = []
        place = whole[-1].id
        while part := await list_store.incidents(
            tx, IncidentFilter(drill=False), sort, limit=7, place=place, newer=True
        ):
            up = [*(i.id for i in part), *up]
            place = part[0].id
        assert up == [i.id for i in whole[:-1]]


async def test_each_part_of_the_list_says_its_place_among_all(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            """
            insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at,
                closed_at)
            select 'incident ' || i, 2, 2, 'closed', $1, $1, $1, $1
            from generate_series(1, 1196) i
            """,
            w.now,
        )

    def place(page: str) -> str:
        return page.partition('id="place" data-live>')[2].partition("<")[0]

    async with browser(w) as http:
        await signed_in(http)
        page = await read(http, "/incidents?state=all")
        assert place(page) == "1–50 of 1,200"
        second = await read(http, link(page, "next"))
        assert place(second) == "51–100 of 1,200"
        assert place(await read(http, link(second, "prev"))) == "1–50 of 1,200"
        assert place(await read(http, "/incidents?state=all&before=700")) == ""


async def test_a_reference_finds_its_incident_in_any_spelling(w: World) -> None:
    async with browser(w) as http:
        await signed_in(http)
        for typed in ("INC-3", "inc 3", "inc3"):
            assert rows_of(await read(http, f"/incidents?state=all&q={typed}")) == ["INC-3"]
        assert rows_of((await http.get("/incidents?state=all&q=INC-999")).text) == []


@pytest.mark.parametrize("typed", ["käs", "KAS", "сбо", "障害", "ost"])
async def test_three_letters_of_any_script_are_enough(w: World, typed: str) -> None:
    titles = ["Käsebestellung hängt", "Сбой оплаты", "障害が発生", "Ostkunden ohne Preise"]
    async with w.ctx.db.tx() as tx:
        for title in titles:
            await tx.execute(
                """
                insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at)
                values ($1, 2, 2, 'declared', $2, $2, $2)
                """,
                title,
                w.now,
            )
    async with browser(w) as http:
        await signed_in(http)
        assert len(rows_of(await read(http, f"/incidents?q={typed}"))) == 1


async def test_the_export_has_every_column_and_streams_the_filtered_set(w: World) -> None:
    async with browser(w) as http:
        await signed_in(http)
        answer = await http.get("/incidents.csv?state=all&severity=1")
        (row,) = csv.DictReader(io.StringIO(answer.text))
        assert row["incident"] == "INC-1"
        assert row["severity_confirmed"] == "yes"
        assert row["commander"] == "Mara Lindqvist"
        assert "content-length" not in answer.headers
        assert {"detected_at", "impact_minutes", "pages", "update_due_at"} <= row.keys()
