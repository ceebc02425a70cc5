"""An alert audit as a team lives it: noisy nights, verdicts, decisions, the signature, and the reminder."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from firebell.alert_audit import actions, queries, store, timers, wording
from firebell.alert_audit.model import AuditVerdict, CountedRule, JudgedRule, RuleNumbers
from firebell.alerts import actions as alerts
from firebell.incidents import actions as incidents
from firebell.kit import private_reader
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict
from firebell.paging import actionable_votes
from firebell.paging import actions as paging
from firebell.people.model import Role
from firebell.runbooks import actions as runbooks
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.world import World

RUNBOOK = """\
---
triggers: ['alertname="LedgerVacuumSlow"']
---
# Vacuum the ledger

## Trigger

The vacuum takes long.
"""
NOISY, GOOD, JOINED = "LedgerVacuumSlow", "CheckoutErrors", "CheckoutLatency"


async def _alert(w: World, rule: str, minutes: float, **more: object) -> None:
    labels = {"alertname": rule, "severity": "critical"}
    await w.alert(rule, labels=labels, **more)
    await w.after(minutes=minutes)
    await w.alert(rule, status="resolved", labels=labels)
    await w.after(minutes=1)


async def _quarter(w: World) -> None:
    """Live through a rule that pages ten nights for nothing, and one that asks for something."""
    for _ in range(10):
        await _alert(w, NOISY, 3)
        await w.until(w.now + timedelta(days=1), timedelta(days=1))
    await _alert(w, GOOD, 7, links={"runbook": "https://wiki.example.org/checkout"})
    async with w.ctx.db.tx() as tx:
        await actionable_votes.vote(tx, await w.actor(w.mara), (await w.page()).id, True, w.now)
    await w.after(minutes=5)


async def test_a_team_decides_on_each_rule_and_signs(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await _quarter(w)
        assert await api("GET", "/alert-audits") == []
        # four weeks after the team's first service, the daily timer builds its audit
        await w.until(w.now + timedelta(days=28), timedelta(days=14))
        (listed,) = await api("GET", "/alert-audits")
        assert (listed["team_slug"], listed["pages"], listed["signed_by"]) == ("payments", 11, None)
        quarter = listed["quarter"]
        path = f"/alert-audits/{quarter}/payments"
        audit = await api("GET", path)
        noisy, good = audit["rules"]
        assert (noisy["rule"], noisy["verdict"], noisy["numbers"]["firings"]) == (NOISY, "delete", 10)
        assert noisy["numbers"]["quick_ends"] == noisy["numbers"]["noise"] == 10
        assert noisy["also"] == ["demote", "tune", "add_runbook"]
        assert noisy["proposal"]["silences_pages"] == 10
        assert f'-- alert: "{NOISY}"' in noisy["proposal"]["diff"]
        assert [f["code"] for f in noisy["findings"]] == [
            *("F-NOACTION", "A-NOISY", "A-NORUNBOOK", "A-NOGRAPH")
        ]
        assert (good["rule"], good["verdict"]) == (GOOD, "keep")
        await _rule_file(w, api, path, noisy["id"])
        await _once(w)
        await _decisions(api, path, noisy["id"], good["id"])
        await _routing(w, api, path, noisy)
        await _screens(w, f"/metrics/audit/{quarter}/payments", noisy["id"])
        await _overdue(w, api, path)
        await _signature(w, api, path, noisy["id"])
        assert noisy["earlier"] is None
        await _next_quarter(w, api, quarter)


RULES = f"""groups:
- name: ledger
  rules:
  - alert: {NOISY}
    expr: vacuum_seconds > 600
    labels: {{severity: critical}}
  - alert: Other
    expr: up == 0
"""


async def _rule_file(w: World, api: Api, path: str, rule_id: int) -> None:
    """The proposed change is a diff of the rule's file once a runbook source has that."""
    (noisy, *_) = (await api("GET", path))["rules"]
    assert (noisy["proposal"]["patch"], noisy["proposal"]["source"]) == ("", "")
    new = {"kind": "push", "name": "Rules", "paths": ["**/*.md", "prometheus/*.yml"]}
    ci = (await api("POST", "/runbook-sources", new, status=201))["id"]
    files = [
        {"path": "prometheus/ledger.yml", "body": RULES},
        {"path": "prometheus/values.yml", "body": "a: {{ .Values.a }}"},
        {"path": "elsewhere/x.yml", "body": RULES},
    ]
    pushed = await api("POST", f"/runbook-sources/{ci}/push", {"commit": "c1", "files": files})
    assert (pushed["changes"]["rule_files"], [f["path"] for f in pushed["findings"]]) == (
        1,
        ["prometheus/values.yml"],
    )
    (noisy, good) = (await api("GET", path))["rules"]
    proposal = noisy["proposal"]
    assert (proposal["file"], proposal["line"], proposal["source"]) == ("prometheus/ledger.yml", 4, "Rules")
    assert f"-  - alert: {NOISY}" in proposal["patch"].splitlines()
    assert good["proposal"]["patch"] == ""
    broken = [{"path": "prometheus/ledger.yml", "body": "groups: {{"}]
    pushed = await api("POST", f"/runbook-sources/{ci}/push", {"commit": "c2", "files": broken})
    assert [f["path"] for f in pushed["findings"]] == ["prometheus/ledger.yml"]
    assert (await api("GET", path))["rules"][0]["proposal"]["patch"] == proposal["patch"]
    screen = path.replace("/alert-audits", "/metrics/audit")
    async with browser(w) as http:
        await sign_in(w, http, w.jun)
        page = (await http.get(f"{screen}?rule={rule_id}")).text
        assert f'href="{screen}/rules/{rule_id}/patch"' in page
        answer = await http.get(f"{screen}/rules/{rule_id}/patch")
        assert answer.text == proposal["patch"]
        assert answer.headers["content-disposition"].endswith('.patch"')
        for missing in (good["id"], 999):
            assert (await http.get(f"{screen}/rules/{missing}/patch")).status_code == 404
    await api("DELETE", f"/runbook-sources/{ci}", status=204)
    assert (await api("GET", path))["rules"][0]["proposal"]["patch"] == ""


async def _once(w: World) -> None:
    """A second build in the quarter stores nothing."""
    async with w.ctx.db.tx() as tx:
        assert await actions.build(tx, 1, w.now) is None
        assert await tx.value("select count(*) from alert_audit") == 1
        assert await timers.run_day(tx, [], w.now) == []
        assert not await tx.fetch("select from due where kind = $1", timers.TEAM_TIMER)


async def _routing(w: World, api: Api, path: str, noisy: dict[str, Any]) -> None:
    """The proposed routing rule is saved as a version, once, unless it is harmful or the rules have changed since."""
    apply = f"{path}/rules/{noisy['id']}/routing"
    change = noisy["routing"]
    assert (change["based_on"], change["place"]) == (0, 1)
    assert change["matchers"] == f'{{alertname="{NOISY}",severity="critical"}}'
    assert "+pages: No one" in change["diff"]
    await _harm_that_is_shown_to_no_one(w, path, noisy)
    await api("POST", apply, {"based_on": 99}, status=409)
    await api("POST", f"{path}/rules/999/routing", {"based_on": 0}, status=404)
    decided = (await api("POST", apply, {"based_on": 0}))["rules"][0]
    routing = await api("GET", "/routing")
    assert (decided["decision"], decided["reason"]) == ("changed", f"Routing version {routing['version']}")
    assert [(r["name"], r["pages"]) for r in routing["rules"]] == [(change["name"], False)]
    assert decided["routing"] is None
    await api("POST", apply, {"based_on": routing["version"]}, status=409)
    async with w.ctx.db.tx() as tx:
        mara = await w.actor(w.mara)
        await alerts.save_routing(tx, mara, [], based_on=routing["version"], now=w.now)
    # what it would change is proposed again
    (again, *_) = (await api("GET", path))["rules"]
    assert again["routing"]["based_on"] == routing["version"] + 1
    kept = {"decision": "kept", "reason": "It guards the ledger."}
    await api("PUT", f"{path}/rules/{noisy['id']}/decision", kept)


async def _harm_that_is_shown_to_no_one(w: World, path: str, noisy: dict[str, Any]) -> None:
    """A change is refused for a private incident, without its name, and if no past alert shows what it does."""
    _, _, quarter, team = path.split("/")
    async with w.ctx.db.tx() as tx:
        contents = await queries.contents(tx, quarter, team, w.now)
        change = contents.patch(next(rule for rule in contents.rules if rule.id == noisy["id"]))
        assert change
        await queries.check_patch(tx, contents.audit, change, w.now)
        with pytest.raises(Conflict):
            await queries.check_patch(tx, contents.audit, change, w.now + timedelta(days=31))
    with suppress(_RolledBackError):
        async with w.ctx.db.tx() as tx:
            page = max(one.id for one in await paging.pages(tx) if NOISY in one.title)
            mara = await w.actor(w.mara)
            declared = await incidents.declare(
                tx, mara, title="A break-in", severity=2, page_id=page, private=True, now=w.now
            )
            with private_reader.as_reader(w.jun), pytest.raises(Conflict) as refused:
                await queries.check_patch(tx, contents.audit, change, w.now)
            assert f"INC-{declared.id}" not in str(refused.value)
            with private_reader.as_reader(w.mara), pytest.raises(Conflict, match=f"INC-{declared.id}"):
                await queries.check_patch(tx, contents.audit, change, w.now)
            raise _RolledBackError


class _RolledBackError(Exception):
    """Ends a transaction without a trace."""


async def _decisions(api: Api, path: str, noisy: int, good: int) -> None:
    decision = f"{path}/rules/{noisy}/decision"
    await api("POST", f"{path}/signature", status=409)
    for body, status in (
        ({"decision": "kept"}, 422),
        ({"decision": "kept", "reason": "  "}, 422),
        ({"decision": "deferred"}, 422),
        ({"decision": "deferred", "decide_on": "2126-01-01"}, 422),
        ({"decision": "ignored"}, 422),
    ):
        await api("PUT", decision, body, status=status)
    await api("PUT", f"{path}/rules/999/decision", {"decision": "changed"}, status=404)
    await api("PUT", f"{path}/rules/{good}/decision", {"decision": "changed"}, status=409)
    await api("GET", "/alert-audits/2026-Q9/payments", status=404)
    kept = await api("PUT", decision, {"decision": "kept", "reason": "It guards the ledger."})
    assert (kept["decided"], kept["rules"][0]["reason"]) == (1, "It guards the ledger.")


async def _screens(w: World, address: str, noisy: int) -> None:
    async with browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        assert address in (await http.get("/metrics/audit")).text
        assert NOISY in (await http.get(address)).text
        post = {"csrf": csrf, "decision": "kept", "reason": ""}
        refused = await http.post(f"{address}/rules/{noisy}", data=post)
        assert refused.status_code == 422
        changed = await http.post(f"{address}/rules/{noisy}", data={"csrf": csrf, "decision": "changed"})
        assert changed.status_code == 303
        assert (await http.get("/metrics/audit/2026-Q1/payments")).status_code == 404


async def _overdue(w: World, api: Api, path: str) -> None:
    """Two weeks after it was due, the audit has a finding, and managers are notified once."""
    await w.until(w.now + timedelta(days=45), timedelta(days=15))
    assert [f["code"] for f in (await api("GET", path))["findings"]] == ["F-AUDIT"]
    async with w.ctx.db.tx() as tx:
        assert await tx.value("select count(*) from notice where kind = $1", actions.NOTICE_KIND) == 1


async def _next_quarter(w: World, api: Api, before: str) -> None:
    """The next audit shows what was decided about a rule and how many pages it had; a new rule has nothing."""
    async with w.ctx.db.tx() as tx:
        window = (w.now - timedelta(days=90), w.now)
        team_id = await tx.value("select id from team where slug = 'payments'")
        audit_id = await store.insert(tx, team_id, "2027-Q4", window, w.now, (5, 0, 0), [])
        assert audit_id
        rules = [
            CountedRule(rule, RuleNumbers(firings=12, pages=4), labels={"alertname": rule})
            for rule in (NOISY, "New")
        ]
        await store.insert_rules(tx, audit_id, [JudgedRule(rule, AuditVerdict.DELETE) for rule in rules])
        contents = await queries.contents(tx, "2027-Q4", "payments", w.now)
        await runbooks.save(tx, await w.actor(w.mara), "vacuum", RUNBOOK, w.now)
    by_rule = {rule["rule"]: rule for rule in (await api("GET", "/alert-audits/2027-Q4/payments"))["rules"]}
    earlier = by_rule[NOISY]["earlier"]
    assert (earlier["quarter"], earlier["decision"], earlier["pages"]) == (before, "changed", 10)
    assert by_rule["New"]["earlier"] is None
    assert by_rule["New"]["runbook"] is None
    runbook = by_rule[NOISY]["runbook"]
    assert (runbook["slug"], runbook["errors"] > 0, runbook["last_exercised"]) == ("vacuum", True, None)
    [known] = [rule for rule in contents.rules if rule.judged.counted.rule == NOISY]
    assert "10 pages before, 4 now" in wording.earlier(contents, known)


async def _signature(w: World, api: Api, path: str, noisy: int) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute("update person set role = $1 where id = $2", Role.RESPONDER, w.jun)
    jun = api.with_key(await key_of(w.ctx.db, w.clock, w.jun))
    await jun("POST", f"{path}/signature", status=403)
    signed = await api("POST", f"{path}/signature")
    assert signed["signed_by"] == "Mara Lindqvist (test)"
    assert signed["findings"] == []
    await api("POST", f"{path}/signature", status=409)
    await api("PUT", f"{path}/rules/{noisy}/decision", {"decision": "changed"}, status=409)


async def test_only_verdicts_that_edit_a_rule_file_warn_that_there_is_no_diff_of_it(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        async with w.ctx.db.tx() as tx:
            team_id = await tx.value("select id from team where slug = 'payments'")
            window = (w.now - timedelta(days=90), w.now)
            audit_id = await store.insert(tx, team_id, "2026-Q4", window, w.now, (5, 0, 0), [])
            assert audit_id
            numbers = RuleNumbers(firings=12, pages=4)
            rules = [
                JudgedRule(CountedRule(verdict, numbers, labels={"alertname": NOISY}), verdict)
                for verdict in AuditVerdict
            ]
            await store.insert_rules(tx, audit_id, rules)
        new = {"kind": "push", "name": "Rules", "paths": ["**/*.yml"]}
        ci = (await api("POST", "/runbook-sources", new, status=201))["id"]
        rule = f"  - {{alert: {NOISY}, expr: up}}\n"
        files = [{"path": "ledger.yml", "body": f"groups:\n- name: a\n  rules:\n{rule}{rule}"}]
        await api("POST", f"/runbook-sources/{ci}/push", {"commit": "c1", "files": files})
        audit = await api("GET", "/alert-audits/2026-Q4/payments")
        assert {rule["verdict"] for rule in audit["rules"] if rule["proposal"]["problem"]} == {
            *("delete", "demote", "tune", "add_runbook")
        }


async def test_a_rule_is_kept_that_fired_in_a_page_which_another_began_and_someone_acted_on(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await w.alert(GOOD, labels={"alertname": GOOD})
        for n in range(10):
            await w.alert(f"Checkout {n} is slow", labels={"alertname": JOINED})
        await w.after(minutes=7)
        async with w.ctx.db.tx() as tx:
            await actionable_votes.vote(tx, await w.actor(w.mara), (await w.page()).id, True, w.now)
        await w.until(w.now + timedelta(days=29), timedelta(days=1))
        (listed,) = await api("GET", "/alert-audits")
        audit = await api("GET", f"/alert-audits/{listed['quarter']}/payments")
        verdicts = {rule["rule"]: (rule["verdict"], rule["also"]) for rule in audit["rules"]}
        assert verdicts == {GOOD: ("add_runbook", []), JOINED: ("add_runbook", [])}
        assert [rule["numbers"]["firings"] for rule in audit["rules"]] == [1, 10]
