"""Story: Mara is asked whether she is still on it before her acknowledgment runs out, and renews it with one tap."""

from dataclasses import replace
from urllib.parse import urlsplit

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from tests.api.api_clients import browser
from tests.world import world


async def test_the_owner_is_warned_and_renews_by_the_link(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        async with w.ctx.db.tx() as tx:
            (policy,) = await paging.policies(tx)
            await paging.update_policy(
                tx,
                await w.actor(w.mara),
                policy,
                replace(policy.plan, repeat=0, ack_timeout_s=1200),
                now=w.now,
            )
        await w.alert()
        await w.settle()
        await w.ack(w.mara)
        sent = len(w.sink.got)
        await w.after(minutes=14, seconds=59)
        assert len(w.sink.got) == sent
        await w.after(seconds=1)
        (warning,) = w.sink.got[sent:]
        assert (warning["type"], warning["person"]) == ("page.ack_ending", "Mara Lindqvist")
        assert (await w.page()).state is PageState.ACKED

        link = urlsplit(warning["ack_url"]).path
        assert "Still on it" in (await http.get(link)).text
        answer = await http.post(link, headers={"Accept": "text/plain"})
        assert answer.text.startswith("Renewed until")
        # the old end passes without a page; the warning comes again, and without an answer the page does
        await w.after(minutes=14, seconds=59)
        assert len(w.sink.got) == sent + 1
        await w.after(seconds=1)
        await w.after(minutes=5)
        assert [m["type"] for m in w.sink.got[sent + 1 :]] == ["page.ack_ending", "page.triggered"]
        assert (await w.page()).state is PageState.TRIGGERED
