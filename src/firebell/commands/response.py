"""`firebell response`: the response by severity, and the steps of one incident."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, fail, instant, local, show, show_table

Fields = dict[str, Any]


@click.group()
def response() -> None:
    """Show, export and import the response by severity."""


@response.command("show", epilog=example("firebell response show"))
@as_json
def show_() -> None:
    """Show whom each severity pages and how it escalates."""
    fields = call("GET", "/api/v1/response")
    lines = []
    for level, one in fields["settings"]["severities"].items():
        policy = "the service's policy, " if level in ("SEV0", "SEV1") else ""
        lines.append([level, "page", "at once", f"{policy}{', '.join(one['page'])}".rstrip(", ") or "-"])
        lines += [[level, "brief", "at once", who] for who in one["brief"]]
        lines += [
            [level, s["how"], f"{s['after']} min", f"{s['who']} ({s['function']})"] for s in one["matrix"]
        ]
    show_table(fields, ("SEVERITY", "STEP", "AFTER", "WHO"), lines, wide=3, empty="No response.")


@response.command(
    epilog=example("firebell response export > response.toml", "firebell response export --json")
)
@as_json
def export() -> None:
    """Print the settings in force as TOML, or as JSON with --json."""
    from firebell.response.toml_text import dump

    settings = call("GET", "/api/v1/response")["settings"]
    show(settings, dump(settings).rstrip("\n"))


@response.command("import", epilog=example("firebell response import response.toml"))
@click.argument("file", metavar="FILE")
@as_json
def import_(file: str) -> None:
    """Replace the settings by those of FILE, in TOML or JSON; - is standard input.

    What FILE leaves out gets its default. Open incidents keep the version they began with.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        settings = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (OSError, ValueError) as error:
        fail(f"{file} can't be read: {error}")
    fields = call("PUT", "/api/v1/response", settings)
    show(fields, f"Version {fields['version']} is in force.")


@response.command(
    "dry-run", epilog=example("firebell response dry-run SEV1 --at 2026-11-24T03:14 --service checkout")
)
@click.argument("severity")
@click.option("--at", help="When it is declared. Default: now.")
@click.option("--service", help="The service that is affected.")
@as_json
def dry_run(severity: str, at: str | None, service: str | None) -> None:
    """Show who would be paged for an incident of SEVERITY. Pages no one."""
    steps = call(
        "GET",
        "/api/v1/response/dry-run",
        severity=severity,
        at=instant(at, "--at") if at else None,
        service=service,
    )
    lines = [
        [local(s["at"]), s["how"], ", ".join(p["name"] for p in s["people"]) or "-", s["text"]] for s in steps
    ]
    show_table(steps, ("AT", "STEP", "PEOPLE", "WHAT"), lines, wide=3, empty="Nothing happens.")


def _show_steps(fields: Fields) -> None:
    lines = [
        [local(s["acts_at"]), "asking" if s["asking"] else "", s["code"], s["text"], s["key"]]
        for s in fields["steps"]
    ]
    show_table(fields, ("AT", "", "WHY", "WHAT", "STEP"), lines, wide=3, empty="Nothing to come.")


@response.command("next", epilog=example("firebell response next INC-1"))
@click.argument("ref")
@as_json
def next_(ref: str) -> None:
    """Show what comes next in an incident."""
    _show_steps(call("GET", f"/api/v1/incidents/{seg(ref)}/response"))


@response.command(epilog=example("firebell response escalate INC-1 E1:2026-11-24T03:14:00+00:00"))
@click.argument("ref")
@click.argument("step")
@as_json
def escalate(ref: str, step: str) -> None:
    """Run an upcoming step now."""
    _show_steps(
        call("POST", f"/api/v1/incidents/{seg(ref)}/response/answers", {"step": step, "answer": "now"})
    )


@response.command(
    "not-yet", epilog=example("firebell response not-yet INC-1 E1:… --reason 'fix is rolling out'")
)
@click.argument("ref")
@click.argument("step")
@click.option("--reason", required=True, help="Why it can wait.")
@as_json
def not_yet(ref: str, step: str, reason: str) -> None:
    """Postpone a step by 30 minutes."""
    body = {"step": step, "answer": "not_yet", "reason": reason}
    _show_steps(call("POST", f"/api/v1/incidents/{seg(ref)}/response/answers", body))


@response.command(
    epilog=example("firebell response promise INC-1 45", "firebell response promise INC-1 90 --customers")
)
@click.argument("ref")
@click.argument("minutes", type=int)
@click.option("--customers", is_flag=True, help="Promise the next update for customers.")
@as_json
def promise(ref: str, minutes: int, customers: bool) -> None:
    """Promise the next update in MINUTES, at most twice the interval after the last."""
    body = {"audience": "customers" if customers else "internal", "minutes": minutes}
    _show_steps(call("POST", f"/api/v1/incidents/{seg(ref)}/response/promises", body))


@response.command(epilog=example("firebell response expert INC-1 'PostgreSQL replication'"))
@click.argument("ref")
@click.argument("need")
@as_json
def expert(ref: str, need: str) -> None:
    """Ask for a subject matter expert."""
    _show_steps(call("POST", f"/api/v1/incidents/{seg(ref)}/response/expertise", {"need": need}))


@response.command(epilog=example("firebell response customers INC-1 'We are working on it.'"))
@click.argument("ref")
@click.argument("text")
@as_json
def customers(ref: str, text: str) -> None:
    """Record an update that customers got."""
    _show_steps(call("POST", f"/api/v1/incidents/{seg(ref)}/response/customers", {"text": text}))
