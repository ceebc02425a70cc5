"""Story: while an alert fires, those that it explains page no one; they page when it ends, and none is lost."""

from datetime import timedelta
from typing import Any

from firebell.alerts import actions as alerts
from firebell.alerts.inhibition import actions as inhibition
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.alerts.routing_rules.rules import RoutingRule, Urgency
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.api.api_clients import browser, organization, sign_in
from tests.world import World

PATH = "/inhibition-rules"
NODE = {"alertname": "NodeDown", "severity": "critical", "instance": "db-1", "service": "nodes"}
DISK = {"alertname": "DiskSlow", "instance": "db-1"}
RULE = {
    "name": "Node down",
    "source_matchers": "alertname=NodeDown",
    "target_matchers": 'alertname=~"Disk.*|Net.*"',
    "equal": ["instance"],
}


async def _send(w: World, title: str, labels: dict[str, str], seconds: float = 1, **more: Any) -> None:
    w.clock.advance(timedelta(seconds=seconds))
    await w.alert(title, labels=labels, **more)
    await w.settle()


async def _paged(w: World) -> list[str]:
    return sorted(page.title for page in await w.pages())


async def _waits(w: World) -> int:
    async with w.ctx.db.tx() as tx:
        count: int = await tx.value("select count(*) from alert_mute where kind = 'inhibit_wait'")
        return count


async def test_what_a_firing_alert_explains_pages_when_it_ends(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        for field, wrong in {
            "source_matchers": 'a=~".*"',
            "target_matchers": "{",
            "equal": [*"abcdef"],
        }.items():
            refused = await api("POST", PATH, {**RULE, field: wrong}, status=422)
            assert [each["field"] for each in refused["errors"]] == [field]
        rule = await api("POST", PATH, RULE, status=201)
        clock.advance(timedelta(seconds=6))

        # the source arrives after the target, which waits for it
        await _send(w, "disk slow", DISK)
        assert await _paged(w) == []
        await _send(w, "disk slow", DISK, body="again")
        assert await _paged(w) == []
        await _send(w, "node down", NODE, seconds=5)
        assert await _paged(w) == ["node down"]
        await w.after(seconds=20)
        assert await _paged(w) == ["node down"]
        await _send(w, "net slow", {"alertname": "NetSlow", "instance": "db-1"})
        # another value of an equal label, and alerts of no rule, are not held
        await _send(w, "other disk", {**DISK, "instance": "db-2", "service": "other"})
        await w.after(seconds=20)
        assert await _paged(w) == ["node down", "other disk"]
        [shown] = await api("GET", PATH)
        assert (shown["sources"], shown["inhibited"]) == (1, 2)
        muted = {each["title"]: each["mute"]["kind"] for each in await api("GET", "/alerts", muted="true")}
        assert muted == {"disk slow": "inhibition", "net slow": "inhibition"}
        csrf = await sign_in(w, http, w.mara)
        for path in ("/", "/alerts", PATH, f"{PATH}/{rule['id']}"):
            assert "Node down" in (await http.get(path)).text, path

        # a resolved target pages no one, and the others page when the source ends, once
        await _send(w, "net slow", {"alertname": "NetSlow", "instance": "db-1"}, status="resolved")
        await _send(w, "node down", NODE, status="resolved")
        await w.settle()
        assert await _paged(w) == ["disk slow", "node down", "other disk"]
        assert (await api("GET", PATH))[0]["inhibited"] == 0

        # the last 30 days replayed by a rule: both targets waited for the source, the resolved one paged no one
        draft = {name: value for name, value in RULE.items() if name != "name"}
        replayed = await api("POST", f"{PATH}/preview", draft)
        assert (replayed["sources"], replayed["targets"], replayed["inhibited"]) == (1, 3, 2)
        assert (replayed["hidden"], replayed["released"], replayed["waited"]) == (1, 1, 1)
        assert [each["source_title"] for each in replayed["examples"]] == ["node down"] * 2
        await api("POST", f"{PATH}/preview", {**draft, "target_matchers": "{"}, status=422)
        shown = await http.post(PATH, params={"preview": "yes"}, data={**draft, "csrf": csrf, "wait_s": "15"})
        assert "net slow" in shown.text.partition('id="preview"')[2].partition("</form>")[0]
        assert len(await api("GET", PATH)) == 1

        # an alert that no source explains pages after the wait, as urgently as its routing rule says
        rules = [
            RoutingRule("Network", "team=net", urgency=Urgency.HIGH, group_by=("instance",)),
            RoutingRule("Inhibitors", "alertname=NodeDown,instance=db-8", pages=False),
            RoutingRule("Slow", "alertname=NodeDown,instance=db-9", wait_s=3600),
        ]
        async with w.ctx.db.tx() as tx:
            await alerts.save_routing(tx, SYSTEM, rules, based_on=0, now=w.now)
        clock.advance(timedelta(seconds=6))
        net = {"alertname": "NetSlow", "instance": "db-3", "service": "third", "team": "net"}
        await _send(w, "net slow", net, severity="warning")
        await w.after(seconds=20)
        assert [p.urgency for p in await w.pages() if p.title == "net slow"] == ["high"]
        waits = await _waits(w)
        await _send(w, "net slow", net, severity="warning")
        assert await _waits(w) == waits, "what has paged does not wait again"

        # a source that waits itself holds nothing, or no one would be paged; one that never pages does
        for instance in ("db-8", "db-9"):
            await _send(w, f"node {instance}", {**NODE, "instance": instance})
            await _send(w, f"disk {instance}", {**DISK, "instance": instance, "service": instance})
        await w.after(seconds=20)
        related = [title for title in await _paged(w) if title.endswith(("db-8", "db-9"))]
        assert related == ["disk db-9"]

        # a rule that is deleted holds nothing; a source that a person closed holds nothing a minute later
        await _send(w, "node down", NODE)
        await _send(w, "disk full", {"alertname": "DiskFull", "instance": "db-1", "service": "x"})
        await w.resolve(w.mara)
        assert "disk full" not in await _paged(w)
        await w.after(minutes=2)
        assert "disk full" in await _paged(w)
        await _send(w, "node down", NODE, seconds=90)
        await _send(w, "disk gone", {"alertname": "DiskGone", "instance": "db-1", "service": "y"})
        await w.after(seconds=30)
        assert "disk gone" not in await _paged(w)
        # a process that has not heard of a change yet starts what the old rule held; it is released at once
        async with w.ctx.db.tx() as tx:
            old_rules = await inhibition.compiled_rules(tx)
        await api("PUT", f"{PATH}/{rule['id']}", {**RULE, "target_matchers": "alertname=DiskGone"})
        await w.settle()
        late = Event(EventKind.FIRING, "node down", "node down", labels=NODE)
        gone = Event(EventKind.FIRING, "net gone", "net gone", labels={**DISK, "alertname": "NetGone"})
        # the batch of the target began before that of its source, and waited for its lock
        for event, began_at in ((late, w.now), (gone, w.now - timedelta(seconds=1))):
            received = InboundRequest(w.integration, w.service, "t", event.title.encode(), (event,))
            async with w.ctx.db.tx() as tx:
                await alerts.receive(tx, [received], began_at, inhibition_rules=old_rules)
        assert "net gone" not in await _paged(w)
        await w.settle()
        assert "net gone" in await _paged(w)
        # a changed rule keeps holding what it still explains
        await api("PUT", f"{PATH}/{rule['id']}", {**RULE, "target_matchers": "alertname=DiskGone"})
        await w.settle()
        assert "disk gone" not in await _paged(w)
        assert (await api("GET", PATH))[0]["inhibited"] == 1
        await api("DELETE", f"{PATH}/{rule['id']}", status=204)
        await w.settle()
        assert "disk gone" in await _paged(w)
        assert (await api("GET", "/alerts"))[0]["mute"]["kind"] == "inhibition"


async def test_no_two_alerts_hold_each_other(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        for one, other in (("a", "b"), ("b", "a")):
            entered = {"name": one, "source_matchers": f"x={one}", "target_matchers": f"x={other}"}
            await api("POST", PATH, entered, status=201)
        both = {"name": "both", "source_matchers": "y=1", "target_matchers": "y=1"}
        await api("POST", PATH, both, status=201)
        one_way = {"name": "one way", "source_matchers": "z=1", "target_matchers": "z=2"}
        await api("POST", PATH, one_way, status=201)
        clock.advance(timedelta(seconds=6))
        await _send(w, "A", {"x": "a", "service": "a"})
        await _send(w, "B", {"x": "b", "service": "b"})
        await _send(w, "C", {"y": "1", "service": "c"})
        await _send(w, "D", {"y": "1", "service": "d"})
        await w.after(seconds=20)
        assert await _paged(w) == ["A", "C", "D"]
        await _send(w, "A", {"x": "a", "service": "a"}, status="resolved")
        assert await _paged(w) == ["A", "B", "C", "D"]

        # a source that flaps holds nothing while it is resolved, and a person can end it
        source = {"z": "1", "service": "source"}
        for number in range(8):
            status = "resolved" if number % 2 else "firing"
            await _send(w, "E", source, status=status, body=str(number))
        [flapping, *_] = await api("GET", "/alerts", q='z="1"')
        assert flapping["status"] == "firing"
        await _send(w, "F while resolved", {"z": "2", "service": "e"})
        await w.after(seconds=20)
        assert "F while resolved" in await _paged(w)
        await _send(w, "F while resolved", {"z": "2", "service": "e"}, status="resolved")
        await _send(w, "E", source)
        await _send(w, "F while firing", {"z": "2", "service": "f"})
        await w.after(seconds=20)
        assert "F while firing" not in await _paged(w)
        [ended] = await api("POST", "/alerts/bulk", {"action": "resolve", "ids": [flapping["id"]]})
        await w.settle()
        assert (ended["is_done"], "F while firing" in await _paged(w)) == (True, True)
        assert {p.state for p in await w.pages() if p.title.endswith(": E")} == {"resolved"}
        async with w.ctx.db.tx() as tx:
            assert (await alerts.alert(tx, flapping["id"])).ended_by == "human"
        async with w.ctx.db.tx() as tx:
            assert len(await inhibition.compiled_rules(tx)) == 4
