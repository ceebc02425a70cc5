"""`firebell alert`: send alerts from a terminal or a script."""

import click

from firebell.commands.client import USAGE, as_json, call, call_at, fail, show, target


@click.group()
def alert() -> None:
    """Send alerts."""


@alert.command()
@click.argument("title")
@click.option("--service", help="Slug of the service that it is about.")
@click.option("--integration", help="Use this integration key instead of an API key.")
@click.option("--severity", type=click.Choice(["critical", "error", "warning", "info"]), default="critical")
@click.option("--key", "dedup_key", help="Same key, same alert. Default: made from the content.")
@click.option("--body", default="", help="More about it.")
@click.option("--label", multiple=True, help="NAME=VALUE, repeatable.")
@click.option("--resolve", is_flag=True, help="Say that it is over.")
@as_json
def send(
    title: str,
    service: str | None,
    integration: str | None,
    severity: str,
    dedup_key: str | None,
    body: str,
    label: tuple[str, ...],
    resolve: bool,
    json_: bool,
) -> None:
    """Send one alert called TITLE."""
    labels = dict(pair.partition("=")[::2] for pair in label)
    event = {
        "title": title,
        "severity": severity,
        "body": body,
        "labels": labels,
        "status": "resolved" if resolve else "firing",
    }
    if dedup_key:
        event["dedup_key"] = dedup_key
    if integration:
        answer = call_at(target()[0], "", "POST", f"/in/{integration}/generic", event)
    elif service:
        answer = call("POST", "/api/v1/alerts", {**event, "service": service})
    else:
        fail("Whose alert is it?", "Give --service SLUG or --integration KEY.", USAGE)
    show(json_, answer, "Accepted: it is stored, and its page is on the way.")
