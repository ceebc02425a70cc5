"""Browser: everyone can use the pages of metrics, audits, digests, readiness, drills and limits."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser

from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.metrics.facts import projection
from firebell.metrics.facts import store as fact_store
from tests.actions.test_metrics import INCIDENTS, NOW, PAGES, incident_fact, page_fact
from tests.api.full_organization import everything
from tests.browser.conftest import PHONE_AND_DESK, look_everywhere
from tests.browser.long_names import signed_in
from tests.servers import serve
from tests.world import World

pytestmark = pytest.mark.browser

ADDRESSES = (
    *("/metrics", "/metrics?period=200y", "/metrics/acknowledge", "/metrics/resolve?period=1y"),
    *(
        "/metrics/frequency",
        "/metrics/impact",
        "/metrics/customer-minutes",
        "/metrics/mtbf",
        "/metrics/noise",
        "/metrics/levels",
    ),
    *("/metrics/delivery", "/metrics/nights", "/metrics/cost", "/metrics/actions"),
    *("/metrics/explore", "/metrics/explore?metric=noise&by=rule", "/metrics/explore?metric=impact&by=month"),
    *(
        "/metrics/review",
        "/metrics/audit",
        "/metrics/audit/2026-Q4/payments",
        "/incidents/INC-1/loop",
        "/incidents/INC-1/cost",
    ),
    *("/digest", "/settings/digest", "/readiness", "/readiness/quarters"),
    *("/drills", "/drills/new", "/drills/DRILL-1", "/oncall/load", "/escalation/night-limits"),
    *("/status-pages/kestrel/signing", "/status-pages/kestrel/first-update"),
)


async def _remember(tx: Tx, w: World) -> None:
    """Store the incidents and pages of the specification as if they had just happened, for the charts."""
    shift = w.now - NOW
    for line in INCIDENTS.strip().splitlines():
        fact, _ = incident_fact(line)
        incident_id = await tx.value(
            """
            insert into incident (title, summary, severity, max_severity, phase, detected_at, declared_at, severity_at)
            values ('Search answers slowly', '', $1, $1, 'closed', $2, $2, $2)
            returning id
            """,
            fact.severity_max,
            fact.declared_at + shift,
        )
        times = (
            "impact_start",
            "detected_at",
            "declared_at",
            "engaged_at",
            "impact_end",
            "resolved_at",
            "closed_at",
        )
        moved = {name: at + shift for name in times if (at := getattr(fact, name))}
        await fact_store.save_incidents(tx, [replace(fact, id=incident_id, **moved)])
        await fact_store.save_services(tx, [incident_id], [(incident_id, w.service)])
    pages = [page_fact(line) for line in PAGES.strip().splitlines()]
    await fact_store.save_pages(
        tx, [replace(one, id=1000 + one.id, triggered_at=one.triggered_at + shift) for one in pages]
    )


async def test_the_pages_of_measuring_are_sound(dsn: str, browser: Browser) -> None:
    # the served process reads the real clock
    async with everything(dsn, FakeClock(datetime.now(UTC))) as organization:
        w = organization.w
        async with w.ctx.db.tx() as tx:
            assert await fact_store.lock_progress(tx)
            await projection.catch_up(tx, w.now)
            await _remember(tx, w)
        async with serve(dsn) as server:
            page = await signed_in(browser, server.url, 1440, 1000)
            for address in ADDRESSES:
                answer = await page.request.get(address)
                assert answer.status == (422 if "200y" in address else 200), address
            await look_everywhere(page, *ADDRESSES, wanted=PHONE_AND_DESK)
