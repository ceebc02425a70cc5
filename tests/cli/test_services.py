"""The command line shows a service with everything that belongs to it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firebell.kit.clock import FakeClock
from firebell.runbooks import actions as runbooks
from firebell.runbooks import store as runbook_store
from tests.api.api_clients import TEST
from tests.cli.terminal import Ran, at_a_server


async def test_a_service_is_shown_with_its_state_and_its_pages(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (w, run):
        await w.alert("Disk full")
        await w.settle()
        as_json = (await run("service", "show", "checkout", "--json")).json
        assert (as_json["state"]["state"], as_json["state"]["ref"]) == ("degraded", "PG-1")
        text = (await run("service", "show", "checkout")).out
        assert "PG-1" in text
        assert "Disk full" in text
        assert "Mara Lindqvist" in text
        listed = (await run("alert", "list", "--service", "checkout", "--firing", "--json")).json
        assert [a["title"] for a in listed] == ["Disk full"]
        await run("alert", "list", "--service", "nowhere", code=1)
        await run("service", "show", "nowhere", code=1)

        # what it depends on: one by one, and from a file
        await run("service", "add", "Ledger", "--team", "payments")
        dependency = ("service", "dependency")
        await run(*dependency, "add", "checkout", "nowhere", code=1)
        await run(*dependency, "add", "checkout", "ledger")
        near = (await run(*dependency, "list", "checkout", "--json")).json
        assert [s["slug"] for s in near["depends_on"]] == ["ledger"]
        exported = (await run(*dependency, "export")).out
        file = tmp_path / "dependencies.yaml"
        file.write_text(exported.replace("[ledger]", "[]") + "  ledger: [checkout]\n", encoding="utf-8")
        planned = (await run(*dependency, "import", str(file), "--dry-run", "--json")).json
        assert [len(planned[n]) for n in ("added", "removed")] == [1, 1]
        assert (await run(*dependency, "export")).out == exported
        await run(*dependency, "import", "-", typed="services: {ledger: [nowhere]}", code=1)
        await run(*dependency, "import", "-", typed="services: [", code=1)
        await run(*dependency, "import", str(file))
        assert "ledger: [checkout]" in (await run(*dependency, "export")).out
        await run(*dependency, "remove", "ledger", "checkout")
        await run("undo")
        assert "ledger: [checkout]" in (await run(*dependency, "export")).out
        unhealthy = (await run("service", "list", "--unhealthy", "--json")).json
        assert [(s["slug"], s["ref"]) for s in unhealthy] == [("checkout", "PG-1")]
        await run("service", "list", "--unhealthy", "--not-ready", code=2)

        # tier, labels and links
        await run("service", "set", "ledger", "--label", "region", code=2)
        wiki = ("--link", "Wiki", "https://wiki.example.org")
        await run(
            "service", "set", "ledger", "--tier", "1", "--label", "region=eu", "--label", "pci=a=b", *wiki
        )
        await run("service", "set", "ledger", "--description", "Keeps accounts")
        ledger = (await run("service", "list", "--tier", "1", "--query", 'pci="a=b"', "--json")).json
        assert [(s["slug"], s["labels"]["region"]) for s in ledger] == [("ledger", "eu")]
        about = (await run("service", "show", "ledger")).out
        assert "pci=a=b, region=eu" in about
        assert "Wiki: https://wiki.example.org" in about
        await run("service", "set", "ledger", "--tier", "0", "--label", "", "--link", "", "")
        assert (await run("service", "list", "--tier", "1", "--json")).json == []

        # a file, a rename, and a deletion that is taken back
        file.write_text("services:\n  ledger: {tier: 2}\n", encoding="utf-8")
        planned = (await run("service", "import", str(file), "--dry-run", "--json")).json
        assert [(c["field"], c["after"]) for c in planned["changes"]] == [("tier", "2")]
        await run("service", "import", "-", typed="services: {nowhere: {tier: 1}}", code=1)
        await run("service", "import", str(file))
        assert (await run("service", "show", "ledger", "--json")).json["tier"] == 2

        # the export is imported again, by its extension or --format, and names the item of an error
        exported = (await run("service", "export", "--tier", "2")).out
        assert json.loads(exported)["services"][0]["slug"] == "ledger"
        assert (await run("service", "export", "--tier", "2", "--json")).json == json.loads(exported)
        assert "ledger,Ledger,payments,2," in (await run("service", "export", "--format", "csv")).out
        not_ready = (await run("service", "export", "--not-ready")).json["services"]
        assert "ledger" in [each["slug"] for each in not_ready]
        await run("service", "export", "--unhealthy", "--not-ready", code=2)
        edited = tmp_path / "services.json"
        edited.write_text(exported.replace('"tier": 2', '"tier": 3'), encoding="utf-8")
        await run("service", "import", str(edited))
        await run("service", "import", "-", "--format", "json", typed=exported)
        assert (
            "Nothing changes."
            in (await run("service", "import", "-", "--format", "json", typed=exported)).out
        )
        edited.write_text(exported.replace('"tier": 2', '"tier": 4'), encoding="utf-8")
        assert "Item 1, tier" in (await run("service", "import", str(edited), code=1)).err
        renamed = (await run("service", "rename", "ledger", "Books", "--json")).json
        assert (renamed["slug"], renamed["name"]) == ("ledger", "Books")
        await run("service", "delete", "checkout", code=1)
        slug = (await run("service", "delete", "ledger", "--json")).json["slug"]
        assert [s["slug"] for s in (await run("service", "list", "--deleted", "--json")).json] == [slug]
        await run("service", "restore", "nowhere", code=1)
        assert (await run("service", "restore", slug, "--json")).json["slug"] == "ledger"
        assert (await run("service", "list", "--deleted", "--json")).json == []

        # a deleted service says that it was
        assert "deleted:" not in (await run("service", "show", "ledger")).out
        await run("service", "add", "Till", "--team", "payments")
        await run("service", "delete", "till")
        assert "deleted:" in (await run("service", "show", "till")).out

        # heartbeats of the service, as a person at a terminal and a job use them
        async def beat(command: str, *more: str, **options: Any) -> Ran:
            return await run("heartbeat", *command.split(), *more, **options)

        await beat("create checkout a", code=1)
        await beat("create checkout a --every often", code=2)
        created = await beat("create checkout settlement --every 1h --longest 30min --label team=x")
        assert "/in/<key>/heartbeat/settlement" in created.out
        await beat("create checkout backup --zone Europe/Stockholm --cron", "0 2 * * *")
        await beat("ping checkout settlement --start --fail", code=2)
        await beat("ping checkout settlement --start")
        await beat("ping checkout Settlement --exit-code 0 --message -", typed="42 payouts\n")
        pings = (await beat("pings checkout settlement --json")).json
        assert [(p["kind"], p["exit_code"], p["body"]) for p in pings] == [
            ("success", 0, "42 payouts"),
            ("start", None, ""),
        ]
        await beat("pause checkout settlement --for 91d", code=1)
        await beat("pause checkout settlement --for 8h")
        states = (await beat("list --service checkout")).out
        assert "paused" in states
        assert "0 2 * * *" in states
        await beat("resume checkout settlement")
        await beat("delete checkout backup")
        await beat("ping checkout backup", code=1)
        assert [h["name"] for h in (await beat("list --json")).json] == ["settlement"]


async def test_the_map_of_services_is_a_tree(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (w, run):
        assert "No dependencies yet." in (await run("service", "map")).out
        for name in ("Ledger", "Disk", "Web"):
            await run("service", "add", name, "--team", "payments")
        for pair in (("web", "checkout"), ("web", "disk"), ("checkout", "ledger"), ("ledger", "disk")):
            await run("service", "dependency", "add", *pair)
        await w.alert("Disk full")
        await w.settle()
        lines = (await run("service", "map")).out.splitlines()
        assert lines == [
            "web (healthy, may be affected)",
            "├─ checkout (degraded, PG-1)",
            "│  └─ ledger (healthy)",
            "│     └─ disk (healthy)",
            "└─ disk (healthy)",
        ]
        near = (await run("service", "map", "ledger", "--steps", "1")).out.splitlines()
        assert near == [
            "ledger (healthy). If it fails, 2 services may be affected.",
            "depends on",
            "└─ disk (healthy)",
            "used by",
            "└─ checkout (degraded, PG-1)",
        ]
        # around a service, the way to a match is shown
        matching = (
            await run("service", "map", "disk", "--query", "checkout", "--steps", "3")
        ).out.splitlines()
        assert matching == [
            "disk (healthy). If it fails, 3 services may be affected.",
            "used by",
            "└─ ledger (healthy, not a match)",
            "   └─ checkout (degraded, PG-1)",
        ]
        assert "No service that matches has dependencies." in (await run("service", "map", "--tier", "3")).out
        # a cycle ends, and is named
        await run("service", "dependency", "add", "disk", "web")
        looped = (await run("service", "map", "disk", "--steps", "9")).out
        assert "disk (healthy, may be affected) ↑" in looped
        assert "Cycle: checkout, disk, ledger, web" in looped
        unhealthy = (await run("service", "map", "--unhealthy", "--json")).json
        assert [n["slug"] for n in unhealthy["nodes"] if n["is_match"]] == ["checkout"]
        await run("service", "map", "nowhere", code=1)

        # a runbook of the library is chosen by its slug
        added = (
            await run(
                "service", "add", "Search", "--team", "payments", "--runbook", "database-failover", "--json"
            )
        ).json
        assert added["runbook_url"].endswith("/runbooks/database-failover")


async def test_bug_an_archived_runbook_was_chosen_at_a_terminal(dsn: str, tmp_path: Path) -> None:
    """The form refuses it, since the page of an archived runbook helps no one who is paged."""
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (w, run):
        body = "# Drain the queue\n\n## Steps\n\n1. Stop the worker.\n"
        async with w.ctx.db.tx() as tx:
            await runbooks.save(tx, TEST, "drain", body, w.now)
            await runbook_store.archive(tx, ["drain"], w.now)
        refused = await run("service", "set", "checkout", "--runbook", "drain", code=1)
        assert "Runbook drain was archived." in refused.err
