"""`firebell postmortem due`, `search` and `similar`: what is to be written, and what earlier incidents taught."""

from typing import Any

import click

from firebell.commands.client import call, call_first, seg
from firebell.commands.output import as_json, echo, example, short, show, show_table, wants_json


@click.command(epilog=example("firebell postmortem due", "firebell postmortem due --limit 10 --json"))
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def due(limit: int) -> None:
    """List the post-mortems to write, earliest due first, with the current step of each."""
    listed = call_first("/api/v1/post-mortems/due", limit)
    rows = [
        [
            one["ref"],
            one["severity"],
            short(one["due_at"]),
            *_step(one["step"]),
        ]
        for one in listed
    ]
    head = ("REF", "SEVERITY", "DUE", "STEP", "STEP DUE", "NEXT")
    show_table(listed, head, rows, wide=5, empty="No post-mortems are due.")


def _step(step: dict[str, Any] | None) -> tuple[str, str, str]:
    if step is None:
        return ("-", "-", "-")
    return (
        f"{step['number']} of {step['total']}",
        short(step["due_at"]),
        f"{step['label']}: {step['missing']}",
    )


@click.command(
    epilog=example(
        'firebell postmortem search "connection pool"', "firebell postmortem search --factor latent.guard"
    )
)
@click.argument("words", nargs=-1)
@click.option("--service", default="", help="Slug of a service.")
@click.option("--team", default="", help="Slug of a team.")
@click.option("--severity", default="", help="Such as SEV1.")
@click.option("--factor", default="", help="Code of a factor, such as latent.guard.")
@click.option("--state", default="", help="draft, review, approved, published or withdrawn.")
@click.option("--year", default="", help="Such as 2026.")
@click.option("--after", type=click.IntRange(0, 1000), default=0, help="Number of results to leave out.")
@as_json
def search(
    words: tuple[str, ...],
    service: str,
    team: str,
    severity: str,
    factor: str,
    state: str,
    year: str,
    after: int,
) -> None:
    """Search all post-mortems and near misses, best match first; WORDS may be "a phrase", or, and -without."""
    filters = {
        "service": service,
        "team": team,
        "severity": severity,
        "factor": factor,
        "state": state,
        "year": year,
    }
    query = {name: value for name, value in filters.items() if value}
    page = call("GET", "/api/v1/post-mortems/search", q=" ".join(words), after=after, **query)
    rows = [
        [
            one["ref"],
            one["severity"],
            short(one["happened_at"]),
            ", ".join(one["places"]) or "-",
            one["title"],
        ]
        for one in page["results"]
    ]
    show_table(page, ("REF", "SEVERITY", "WHEN", "IN", "TITLE"), rows, wide=4, empty="Nothing matches.")
    if page["next_after"] is not None and not wants_json():
        echo(f"{page['total']} match. More: --after {page['next_after']}", err=True)


@click.command(epilog=example("firebell postmortem similar INC-3"))
@click.argument("ref")
@as_json
def similar(ref: str) -> None:
    """List earlier incidents that are like incident REF, why, and what helped then."""
    answer = call("GET", f"/api/v1/incidents/{seg(ref)}/similar")
    lines = [f"{answer['total']} of {answer['compared']} incidents are like {answer['ref']}."]
    for one in answer["incidents"]:
        lines.append(f"{one['ref']}  {one['severity']}  {round(100 * one['score'])}%  {one['title']}")
        lines += [f"    {reason}" for reason in one["reasons"]]
        if one["helped"]:
            lines.append(f"    Helped: {one['helped']}")
        lines += [f"    Open: {item['ref']} {item['title']}" for item in one["open_actions"]]
    show(answer, "\n".join(lines))
