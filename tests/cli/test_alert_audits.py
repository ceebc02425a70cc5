"""Alert audits at the terminal: the rules of a team, and the diff of one for `git apply`."""

from datetime import timedelta
from pathlib import Path

from firebell.alert_audit import store
from firebell.alert_audit.model import AuditVerdict, CountedRule, JudgedRule, RuleNumbers
from firebell.kit.clock import FakeClock
from tests.cli.terminal import at_a_server

RULES = """\
groups:
- name: disk
  rules:
  - alert: DiskFull
    expr: disk_free < 0.1
"""


async def test_the_diff_of_a_rule_is_printed_alone(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        async with w.ctx.db.tx() as tx:
            team_id = await tx.value("select id from team where slug = 'payments'")
            window = (w.now - timedelta(days=90), w.now)
            audit_id = await store.insert(tx, team_id, "2026-Q4", window, w.now, (5, 0, 0), [])
            assert audit_id
            rules = [
                CountedRule(name, RuleNumbers(firings=12, pages=4), labels={"alertname": name})
                for name in ("DiskFull", "Elsewhere")
            ]
            await store.insert_rules(tx, audit_id, [JudgedRule(rule, AuditVerdict.TUNE) for rule in rules])
        repository = tmp_path / "repository"
        (repository / ".git").mkdir(parents=True)
        (repository / "disk.yml").write_text(RULES, encoding="utf-8")
        await run("runbook", "source", "add", "push", "CI", "--path", "**/*.yml")
        pushed = ("runbook", "push", str(repository), "--to", "1", "--commit", "c1", "--rules", "*.yml")
        await run(*pushed)
        audit = ("alert-audit", "show", "2026-Q4", "payments")
        ids = {rule["rule"]: str(rule["id"]) for rule in (await run(*audit, "--json")).json["rules"]}
        assert (await run(*audit, "--rule", ids["DiskFull"], "--patch")).out == (
            "--- a/disk.yml\n"
            "+++ b/disk.yml\n"
            "@@ -3,3 +3,4 @@\n"
            "   rules:\n"
            "   - alert: DiskFull\n"
            "     expr: disk_free < 0.1\n"
            "+    for: 5m\n"
        )
        await run(*audit, "--rule", ids["Elsewhere"], "--patch", code=1)
        await run(*audit, "--patch", code=2)
