"""`firebell declare`: an incident in one line."""

import click

from firebell.commands.classify import ANSWER, answers_of
from firebell.commands.client import call
from firebell.commands.incident import words
from firebell.commands.output import USAGE, as_json, example, fail, show


@click.command(
    epilog=example(
        "firebell declare 'Card payments fail' --severity SEV1 --page PG-7 --command",
        "firebell declare 'Search is slow' --down no --degraded no --customers yes",
    )
)
@click.argument("title")
@click.option("--severity", help="SEV0 to SEV3; without it the questions decide.")
@click.option("--down", type=ANSWER, help="Production completely down, or critical data at risk?")
@click.option("--degraded", type=ANSWER, help="Major functionality degraded?")
@click.option("--workaround", type=ANSWER, help="Is there a workaround?")
@click.option("--customers", type=ANSWER, help="Are customers impacted?")
@click.option("--service", multiple=True, help="Slug of an affected service, repeatable.")
@click.option("--page", "page_ref", help="The page that it comes from, such as PG-7.")
@click.option("--summary", default="", help="What is known.")
@click.option("--command", "take_command", is_flag=True, help="Take command.")
@click.option("--drill", is_flag=True, help="Page nobody.")
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
    take_command: bool,
    drill: bool,
) -> None:
    """Declare an incident called TITLE. Declaring early is never wrong.

    The same declaration twice within ten seconds is one incident.
    """
    given = {"down": down, "degraded": degraded, "workaround": workaround, "customers": customers}
    answers = answers_of(**given) if severity is None or any(given.values()) else None
    if severity is None and answers is None:
        fail("The severity is missing.", "Give --severity, or answer by --down yes|no|unknown ...", USAGE)
    body = {
        "title": title,
        "severity": severity,
        "answers": answers,
        "services": list(service),
        "page": page_ref,
        "summary": summary,
        "take_command": take_command,
        "drill": drill,
    }
    found = call("POST", "/api/v1/incidents", body)
    show(found, words(found))
