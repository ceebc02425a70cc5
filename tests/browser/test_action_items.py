"""Browser: an item is accepted by key and finished, many are moved at once, and the pages are sound."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, expect

from firebell.action_items import actions
from firebell.action_items.model import ItemState, Priority
from firebell.action_items.prevention_questions import actions as prevention_question_actions
from firebell.action_items.trackers import actions as trackers
from firebell.action_items.trackers import link_store, store
from firebell.action_items.trackers.credentials import EnteredCredentials
from firebell.action_items.trackers.model import AuthMethod, LinkState
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from tests.browser.conftest import PHONE_AND_DESK, look_everywhere, sound
from tests.browser.long_names import lengthen, signed_in
from tests.servers import serve
from tests.world import World, world

pytestmark = pytest.mark.browser

PAGES = (
    "/actions",
    "/actions?view=list&group=age",
    "/actions/ACT-1",
    "/actions/ACT-4",
    "/actions/new",
    "/settings/action-items",
    "/settings/trackers",
    "/settings/trackers?kind=github&auth=app",
    "/settings/trackers?kind=jira_cloud&auth=oauth",
    "/settings/trackers/1",
    "/settings/trackers/2?auth=token",
    "/incidents/INC-1",
)


async def _fill(w: World) -> None:
    """Add items in several states: overdue and put off, in progress, proposed, done without evidence."""
    mara, jun, now = await w.actor(w.mara), await w.actor(w.jun), w.now
    async with w.ctx.db.tx() as tx:
        first, second = [
            await incidents.declare(tx, mara, title=title, severity=2, service_ids=[w.service], now=at)
            for title, at in (
                ("Checkout connection pool exhausted", now - timedelta(days=70)),
                ("The connection pool of checkout is exhausted", now),
            )
        ]
        old = now - timedelta(days=60)
        late = await actions.add_item(
            tx,
            mara,
            "Check pools before a deploy",
            old,
            incident_id=first.id,
            owner_id=w.mara,
            priority=Priority.P1,
        )
        due = late.due
        for days, reason in ((7, ""), (14, "On call"), (21, "Waits for the deploy tool")):
            due = late.due + timedelta(days=days)
            await actions.set_due(tx, mara, late.id, due, old, reason=reason)
        timeout = await actions.add_item(
            tx, jun, "Add a timeout to the tokenizer", old, incident_id=first.id, owner_id=w.jun
        )
        await actions.set_item_state(tx, jun, timeout.id, ItemState.IN_PROGRESS, old)
        await actions.change_item(tx, jun, timeout.id, {"blocked_reason": "needs a schema change"}, now)
        await actions.add_item(tx, jun, "Alert on the ratio of empty results", now, owner_id=w.mara)
        done = await actions.add_item(tx, mara, "Lower the settlement batch size", old, owner_id=w.mara)
        await actions.set_item_state(tx, mara, done.id, ItemState.DONE, now - timedelta(days=20))
        await actions.add_item(tx, mara, "Write down who may approve a rollback", now)
        await prevention_question_actions.ask(tx, second.id, now)
        await _link(tx, w)


async def _link(tx: Tx, w: World) -> None:
    """Add a tracker that is switched off, with a link in each state, and one that waits for its authorization."""
    mara, token = await w.actor(w.mara), "a-token-of-the-test"
    one = await trackers.add(tx, mara, "github", "acme/shop", EnteredCredentials(token=token), w.now)
    await trackers.set_user(tx, mara, one.id, w.jun, "jun-dev", w.now)
    for number, state in enumerate(LinkState, 1):
        link = await trackers.link_item(tx, mara, number, one.id, w.now, issue=str(number))
        error = "404 Not Found" if state in (LinkState.ERROR, LinkState.GONE) else ""
        url = f"https://github.example/acme/shop/issues/{number}"
        await link_store.change(
            tx, link.id, state=state, issue_key=f"#{number}", url=url, error=error, synced_at=w.now
        )
    await store.change(tx, one.id, last_ok_at=w.now, last_error="502 Bad gateway", last_error_at=w.now)
    await trackers.set_enabled(tx, mara, one.id, False, w.now)
    app = EnteredCredentials(AuthMethod.OAUTH, client_id="app-1", client_secret="of-the-test")
    await trackers.add(tx, mara, "linear", "PAY", app, w.now)


async def test_items_are_accepted_moved_and_finished(dsn: str, browser: Browser) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        await lengthen(w)
        await _fill(w)
        async with serve(dsn) as server:
            page = await signed_in(browser, server.url, 1440, 1000)
            await page.goto("/actions/ACT-3")
            await page.keyboard.press("a")
            await expect(page.locator("#act button:has-text('Accept')")).to_have_count(0)
            await page.click("summary:has-text('Done')")
            await page.fill("#f-done-evidence", "https://git.example.org/pay/pull/7")
            await page.click("button:has-text('Mark as done')")
            await expect(page.locator("#head .chip:has-text('Done')")).to_be_visible()
            await page.goto("/actions?view=list")
            await page.check("[aria-label='Select ACT-1']")
            await page.check("[aria-label='Select ACT-2']")
            await page.click("#bulk summary:has-text('Change due day')")
            await page.fill("#f-bulk-reason", "The team is on call")
            await sound(page)
            await page.click("#bulk button:has-text('Change due day')")
            await expect(page.locator("#flash")).to_contain_text("2 action items")
            await page.goto("/actions")
            await page.click("button:has-text('Shortened')")
            await expect(page.locator("#flash")).to_contain_text("Answer saved")
            await look_everywhere(page, *PAGES, wanted=PHONE_AND_DESK)
