"""A night at the terminal: the alert, the page, the incident, its end."""

import re
from pathlib import Path

from firebell.kit.clock import FakeClock
from tests.cli.terminal import Ran, at_a_server
from tests.postmortem_steps import approved


def narrow(ran: Ran) -> Ran:
    """Assert that the output fits 100 columns and has no color codes."""
    assert max(len(line) for line in ran.out.splitlines()) <= 100, ran.out
    assert "\x1b" not in ran.out
    return ran


async def test_from_the_alert_to_the_closed_incident(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        title = "5xx above 5 % in the checkout of the shop, for all customers of the region " + "x" * 60
        sent = await run("alert", "send", title, "--service", "checkout", "--key", "c", "--label", "a=b=c")
        assert sent.out == "Alert stored; paging now.\n"
        alerts = narrow(await run("alert", "list"))
        assert "firing  critical" in alerts.out
        assert "…" in alerts.out
        pages = narrow(await run("page", "list"))
        assert re.search(r"^PG-1 +triggered +high +checkout +5xx above", pages.out, re.M)
        taken = await run("page", "ack", "PG-1", "--json")
        assert [(p["ref"], p["state"], p["owners"]) for p in taken.json] == [
            ("PG-1", "acked", ["Mara Lindqvist"])
        ]
        again = await run("page", "ack", "pg-1")
        assert again.out.startswith("PG-1 is acked (already acknowledged by you)")
        await run("page", "note", "PG-1", "The replica lags")
        shown = await run("page", "show", "PG-1")
        assert "The replica lags" in shown.out
        assert "policy Payments" in shown.out

        declared = await run(
            *("declare", "Cards fail", "--down", "no", "--degraded", "yes", "--workaround", "yes"),
            *("--page", "PG-1", "--command", "--json"),
        )
        assert (declared.json["ref"], declared.json["severity"]) == ("INC-1", "SEV1")
        listed = narrow(await run("incident", "list"))
        assert re.search(r"^INC-1 +SEV1 +declared +Mara Lindqvist", listed.out, re.M)
        await run("incident", "phase", "INC-1", "investigating")
        assigned = await run("incident", "role", "INC-1", "sme", "--give", "JUN@example.org")
        assert assigned.out == "sme of INC-1: Jun Okafor\n"
        refused = await run("incident", "phase", "INC-1", "mitigating", code=1)
        assert "Record a mitigation first" in refused.err
        assert "--force --reason" in refused.err
        await run("incident", "note", "INC-1", "Rolled build 4812 back", "--kind", "mitigation")
        updated = await run("incident", "update", "INC-1")
        assert "The next update is due" in updated.out
        canvas = await run("incident", "canvas", "INC-1", "--needs", "a database person")
        assert canvas.out == "conditions: -\nactions: -\nneeds: a database person\n"
        raised = await run("incident", "severity", "INC-1", "p0")
        assert raised.out == "INC-1 SEV0 is investigating: Cards fail\n"
        await run("alert", "send", "Disk full", "--service", "checkout", "--label", "service=disk")
        disk = (await run("page", "list", "--query", "disk", "--json")).json[0]["ref"]
        linked = await run("incident", "link", "INC-1", disk)
        assert disk in linked.out
        shown = await run("incident", "show", "INC-1")
        assert "commander: Mara Lindqvist" in shown.out
        assert "needs: a database person" in shown.out
        await run("incident", "resolve", "INC-1")
        early = await run("incident", "close", "INC-1", code=1)
        assert "30 minutes" in early.err
        closed = await run("incident", "close", "INC-1", "--force", "--reason", "the bank confirmed it")
        assert closed.out == "INC-1 SEV0 is closed: Cards fail\n"
        story = await run("incident", "timeline", "INC-1", "--json")
        assert story.json[0]["kind"] == "declared"
        assert story.json[-1]["text"].endswith("Reason: the bank confirmed it")
        timeline = await run("incident", "timeline", "INC-1")
        assert "[mitigation]  Rolled build 4812 back" in timeline.out

        draft = await run("incident", "postmortem", "INC-1")
        assert "{{timeline}}" in draft.out
        assert "Rolled build 4812 back" in (await run("postmortem", "show", "INC-1")).out
        assert "draft, version 1, due" in draft.err
        file = tmp_path / "inc-1.md"
        file.write_text(draft.out.replace("Links:", "More:"), encoding="utf-8")
        saved = ("incident", "postmortem", "INC-1", "--save", str(file))
        assert "--version" in (await run(*saved, code=2)).err
        await run(*saved, "--version", "1")
        await run(*saved, "--version", "1")
        file.write_text(draft.out.replace("Links:", "Other:"), encoding="utf-8")
        assert '"status": 409' in (await run(*saved, "--version", "1", "--json", code=1)).err

        assert "root-cause" in (await run("postmortem", "sections", "INC-1")).out
        file.write_text("Build 4812 was bad.\n", encoding="utf-8")
        await run("postmortem", "save", "INC-1", "nothing", str(file), code=1)
        assert "version 3." in (await run("postmortem", "save", "INC-1", "summary", str(file))).out
        assert "+ Build 4812 was bad." in (await run("postmortem", "diff", "INC-1", "2")).out
        assert "as version 4." in (await run("postmortem", "restore", "INC-1", "2")).out
        assert re.search("^4 .*restore", (await run("postmortem", "versions", "INC-1")).out, re.MULTILINE)
        assert "Read the draft" in (await run("postmortem", "show", "INC-1", "--needs")).out
        refused = await run("incident", "postmortem", "INC-1", "--publish", code=1)
        assert "What got in the way?" in refused.err
        async with w.ctx.db.tx() as tx:
            await approved(tx, w, 1)
        published = await run("incident", "postmortem", "INC-1", "--publish")
        assert "published" in published.out
        assert (await run("incident", "list")).out == "No incidents match.\n"
        assert "reviewed" in (await run("incident", "list", "--phase", "reviewed")).out


async def test_pages_are_snoozed_moved_on_and_ended(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        assert (await run("page", "list")).out == "No pages match.\n"
        for name in ("one", "two"):
            await run("alert", "send", name, "--service", "checkout", "--label", f"service={name}")
        both = await run("page", "ack", "PG-1", "PG-99", "PG-2", code=1)
        assert [line.partition(":")[0] for line in both.out.splitlines()] == [
            "PG-1 is acked",
            "PG-2 is acked",
        ]
        assert both.err.startswith("Error: There is no page PG-99.")
        assert (await run("page", "unack", "PG-1")).out == "PG-1 is triggered: one\n"
        mixed = await run("page", "ack", "PG-99", "PG-1", "--json", code=1)
        assert [p["ref"] for p in mixed.json] == ["PG-1"]
        assert '"status": 404' in mixed.err
        snoozed = (await run("page", "snooze", "PG-1", "--for", "1h30m", "--json")).json[0]
        assert snoozed["state"] == "snoozed"
        assert "until" in (await run("page", "list", "--state", "snoozed")).out
        assert (await run("page", "escalate", "PG-1")).out == "PG-1 is triggered: one\n"
        await run("page", "resolve", "PG-1", "PG-2")
        assert "already resolved" in (await run("page", "resolve", "PG-1", code=1)).err
        over = ("alert", "send", "one", "--service", "checkout", "--resolve")
        assert (await run(*over)).out == "Alert resolved.\n"


async def test_who_is_on_call_and_whom_a_policy_reaches(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        now = narrow(await run("oncall"))
        assert re.search(r"^Payments primary +payments-primary +\w+", now.out, re.M)
        assert (await run("oncall", "--json")).json["schedules"][0]["schedule"] == "payments-primary"
        override = await run(
            *("oncall", "override", "payments-primary", "--user", "jun@example.org"),
            *("--from", "2099-12-24T18:00", "--to", "2099-12-25T09:00+01:00", "--reason", "dentist"),
        )
        assert "from 24 Dec 2099 18:00 to 25 Dec 2099 08:00" in override.out
        assert "dentist" in narrow(await run("oncall", "overrides", "payments-primary")).out
        christmas = ("oncall", "who", "--at", "2099-12-24T20:00", "--json")
        assert (await run(*christmas)).json["schedules"][0]["people"][0]["name"] == "Jun Okafor"
        assert (await run("oncall", "remove", "1", "--json")).json["removed"] == 1
        assert (await run("oncall", "remove", "1", code=1)).err.startswith("Error: ")
        span = ("oncall", "shifts", "payments-primary", "--from", "2027-01-01", "--to", "2027-02-01")
        assert len(narrow(await run(*span)).out.splitlines()) == 6
        assert (await run("oncall", "gaps")).out == "No gaps in the next 28 days.\n"
        assert "payments" in narrow(await run("policy", "list")).out
        assert "schedule Payments primary" in narrow(await run("policy", "show", "payments")).out
        limit = ("policy", "night-limit")
        assert "after 2 pages in a night" in (await run(*limit, "1", "--pages", "2")).out
        assert "no night limit" in (await run(*limit, "1", "--off")).out
        for args in ((), ("1",)):
            (shown,) = (await run(*limit, *args, "--json")).json
            assert (shown["on"], shown["pages"]) == (False, 2)
        for refused in (("1", "--pages", "0"), ("--pages", "2"), ("--off",)):
            await run(*limit, *refused, code=2)
        dry = narrow(await run("policy", "dry-run", "payments"))
        assert [line.split("  ")[1] for line in dry.out.splitlines()[1:]] == [
            *("level 1", "level 2", "level 3"),
            "final alarm",
        ]
        severe = (await run("policy", "dry-run", "payments", "--severity", "0", "--json")).json
        assert [step["excluded"] for step in severe] == [False] * 4
        await run("policy", "dry-run", "payments", "--severity", "4", code=2)


async def test_a_service_gets_its_key(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        added = await run("service", "add", "Search", "--team", "payments", "--policy", "payments")
        assert added.out.startswith("Added search.")
        lone = await run("alert", "send", "x", "--service", "search", code=1)
        assert "Search has no integration key." in lone.err
        key = (await run("service", "key", "add", "search", "--name", "cron", "--json")).json
        by_key = await run("alert", "send", "nightly job", "--integration", key["key"], "--json")
        assert (by_key.json["status"], by_key.json["events"]) == ("accepted", 1)
        keys = narrow(await run("service", "key", "list", "search"))
        options = ("--drop-label", "pod", "--flapping-changes", "0")
        saved = (await run("service", "key", "set", "search", str(key["id"]), *options, "--json")).json
        assert (saved["drop_labels"], saved["flapping_changes"]) == (["pod"], 0)
        kept = (
            await run("service", "key", "set", "search", str(key["id"]), "--flapping-changes", "6", "--json")
        ).json
        assert (kept["drop_labels"], kept["flapping_changes"]) == (["pod"], 6)
        assert key["masked_key"] in keys.out
        assert key["key"] not in keys.out
        assert key["key"] in (await run("service", "key", "reveal", "search", str(key["id"]))).out
        await run("service", "key", "revoke", "search", str(key["id"]))
        assert (await run("service", "key", "list", "search", "--json")).json == []
        await run("service", "set", "search", "--policy", "none", "--description", "Finds things")
        listed = narrow(await run("service", "list"))
        assert re.search(r"^search +degraded, PG-1 +fallback responders +Finds things$", listed.out, re.M)
        assert "none, pages go to the fallback responders" in (await run("service", "show", "search")).out
        unknown = await run("service", "set", "search", "--team", "ghosts", code=1)
        assert unknown.err == "Error: There is no team ghosts.\nTeams: payments.\n"
        assert (
            "There is no policy ghost." in (await run("service", "set", "x", "--policy", "ghost", code=1)).err
        )
