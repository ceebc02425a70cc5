"""`firebell declare`: declare an incident."""

from collections.abc import Sequence

import click

from firebell.commands.classify import ANSWER, answers_of
from firebell.commands.client import call
from firebell.commands.incident_lines import summary_line
from firebell.commands.output import USAGE, as_json, example, fail, pairs, show

TYPE = click.Choice(["operational", "security", "data_protection", "vendor", "performance"])


def fields_of(given: Sequence[str]) -> dict[str, str]:
    """Return values such as region=EU by slug; end the command for anything else."""
    return pairs(given, "SLUG=VALUE", "--field region=EU")


@click.command(
    epilog=example(
        "firebell declare 'Card payments fail' --severity SEV1 --page PG-7 --command",
        "firebell declare 'Search is slow' --down no --degraded no --customers yes",
    )
)
@click.argument("title")
@click.option("--severity", help="SEV0 to SEV3. Default: from the four questions.")
@click.option("--down", type=ANSWER, help="Production completely down, or critical data at risk?")
@click.option("--degraded", type=ANSWER, help="Major functionality degraded?")
@click.option("--workaround", type=ANSWER, help="Is there a workaround?")
@click.option("--customers", type=ANSWER, help="Are customers impacted?")
@click.option("--service", multiple=True, help="Slug of an affected service; repeatable.")
@click.option("--page", "page_ref", help="Declare from this page, such as PG-7.")
@click.option("--summary", default="", help="What is known.")
@click.option("--type", "type_", type=TYPE, default="operational", show_default=True)
@click.option("--field", "fields", multiple=True, metavar="SLUG=VALUE", help="A custom field; repeatable.")
@click.option("--command", "take_command", is_flag=True, help="Become the commander.")
@click.option("--drill", is_flag=True, help="A drill: page no one.")
@click.option("--page-in-drill", is_flag=True, help="In a drill, page people; the page says DRILL.")
@as_json
def declare(
    title: str,
    severity: str | None,
    down: str | None,
    degraded: str | None,
    workaround: str | None,
    customers: str | None,
    service: tuple[str, ...],
    page_ref: str | None,
    summary: str,
    type_: str,
    fields: tuple[str, ...],
    take_command: bool,
    drill: bool,
    page_in_drill: bool,
) -> None:
    """Declare an incident called TITLE. When in doubt, declare.

    The same declaration twice within ten seconds creates one incident.
    """
    flags = {"down": down, "degraded": degraded, "workaround": workaround, "customers": customers}
    answers = answers_of(**flags) if severity is None or any(flags.values()) else None
    if severity is None and answers is None:
        fail(
            "The severity is missing.",
            "Pass --severity, or answer the questions with --down yes and so on.",
            USAGE,
        )
    body = {
        "title": title,
        "severity": severity,
        "answers": answers,
        "services": list(service),
        "page": page_ref,
        "summary": summary,
        "take_command": take_command,
        "type": type_,
        "fields": fields_of(fields),
        "drill": drill,
        "page_in_drill": page_in_drill,
    }
    incident = call("POST", "/api/v1/incidents", body)
    show(incident, summary_line(incident))
