"""`firebell response`: settings as a file, a dry run, and the steps of an incident."""

from datetime import UTC, datetime
from pathlib import Path

from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.custom_fields.field_kinds import FieldKind
from firebell.kit.clock import FakeClock
from firebell.metrics.facts import projection
from firebell.metrics.facts import store as fact_store
from firebell.metrics.team_rates import actions as team_rates
from firebell.people import actions as people
from firebell.people.model import Role
from tests.api.api_clients import TEST
from tests.cli.terminal import at_a_server


async def test_settings_are_exported_edited_and_imported(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (_, run):
        exported = (await run("response", "export")).out
        file = tmp_path / "response.toml"
        file.write_text(exported.replace("commander = []", 'commander = ["person:jun@example.org"]'), "utf-8")
        assert (await run("response", "import", str(file), "--json")).json["version"] == 1
        settings = (await run("response", "export", "--json")).json
        assert settings["groups"]["commander"] == ["person:jun@example.org"]
        assert "SEV0" in (await run("response", "show")).out
        file.write_text("severities = 3", "utf-8")
        await run("response", "import", str(file), code=1)
        file.write_text("not toml", "utf-8")
        await run("response", "import", str(file), code=1)


async def test_a_dry_run_the_steps_and_the_tasks_of_an_incident(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (w, run):
        steps = (await run("response", "dry-run", "P1", "--service", "checkout", "--json")).json
        assert steps[0]["people"][0]["name"] == "Mara Lindqvist"
        await run("response", "dry-run", "SEV7", code=1)
        await run("declare", "Card payments fail", "--severity", "P2")
        fields = (await run("response", "next", "INC-1", "--json")).json
        assert fields["version"] == 0
        promised = (await run("response", "promise", "INC-1", "90", "--json")).json
        assert promised["update_due_at"] > fields["update_due_at"]
        asked = (await run("response", "expert", "INC-1", "PostgreSQL", "--json")).json
        (step,) = [s["key"] for s in asked["steps"] if s["code"] == "E3"]
        await run("response", "not-yet", "INC-1", step, "--reason", "Jun looks at it")
        await run("response", "escalate", "INC-1", step)
        await run("response", "escalate", "INC-1", step, code=1)
        await run("response", "customers", "INC-1", "We are working on it.")

        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await field_actions.create_field(tx, mara, name="Region", kind=FieldKind.TEXT, now=w.now)
        await run("declare", "A typo", "--severity", "SEV3", "--field", "region=EU", "--type", "vendor")
        await run("declare", "A typo", "--severity", "SEV3", "--field", "EU", code=2)
        assert "  region: EU\n" in (await run("incident", "show", "INC-2")).out
        listed = (await run("incident", "list", "--field", "region=EU", "--type", "vendor", "--json")).json
        assert [i["ref"] for i in listed] == ["INC-2"]
        queue = (await run("task", "queue", "--state", "waiting", "--json")).json
        assert [t["incident"] for t in queue] == ["INC-2"]
        owner = ("--owner", "jun@example.org")
        task = str((await run("incident", "task", "add", "INC-2", "Correct it", *owner, "--json")).json["id"])
        assert "No tasks" in (await run("task", "list")).out
        await run("task", "assign", "INC-2", task, "mara@example.org")
        assert "Correct it" in (await run("task", "list")).out
        await run("task", "done", "INC-2", task)
        assert (await run("task", "list", "--scope", "all", "--incident", "INC-2", "--json")).json == []
        recorded = await run(
            "incident", "facts", "INC-2", "--cause", "A typo", "--category", "process", "--json"
        )
        assert (recorded.json["cause"], recorded.json["cause_category"]) == ("A typo", "process")
        assert "A typo" in (await run("incident", "facts", "INC-2")).out
        assert "4,900" in (await run("incident", "facts", "INC-2", "--customers", "4900")).out
        removed = await run("incident", "facts", "INC-2", "--no-customers", "--json")
        assert removed.json["customers"] is None
        await run("incident", "facts", "INC-2", "--no-customers", "--customers", "1", code=2)
        impact = ("--impact", "12400", "--currency", "EUR", "--source", "Finance, ledger")
        assert "12400.00 EUR" in (await run("incident", "cost", "INC-2", *impact)).out
        await run("incident", "cost", "INC-2", *impact[:2], code=2)
        removed = await run("incident", "cost", "INC-2", "--remove", "--json")
        assert removed.json["business_impact"] is None


async def test_a_manager_reads_what_an_incident_costs_and_which_hours_have_no_rate(
    dsn: str, tmp_path: Path
) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (w, run):
        await run("declare", "Card payments fail", "--severity", "P2")
        async with w.ctx.db.tx() as tx:
            outsider = await people.create_person(
                tx, TEST, name="Noor", email="n@example.org", role=Role.RESPONDER, tz="UTC", now=w.now
            )
            await team_rates.save(tx, await w.actor(w.mara), "payments", "40", "CHF", w.now)
            await projection.project_incidents(tx, [1])
            await fact_store.save_people(tx, [1], [(1, w.mara, 30), (1, outsider.id, 60)])
        cost = (await run("incident", "cost", "INC-1")).out
        (priced,) = [line for line in cost.splitlines() if line.startswith("people cost")]
        assert "20.00 CHF" in priced
        (unpriced,) = [line for line in cost.splitlines() if line.startswith("without a rate")]
        assert "1.00 h" in unpriced
