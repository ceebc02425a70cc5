"""The command of `firebell incident` for what an incident costs."""

import click

from firebell.commands.client import call, seg
from firebell.commands.output import USAGE, as_json, example, fail, local, show_table


@click.command(
    "cost",
    epilog=example(
        "firebell incident cost INC-3",
        "firebell incident cost INC-3 --impact 12400 --currency EUR --source 'Finance, order ledger'",
        "firebell incident cost INC-3 --remove",
    ),
)
@click.argument("ref")
@click.option("--impact", metavar="AMOUNT", help="What it cost the business, besides people’s time.")
@click.option("--currency", help="Currency of the amount, such as EUR.")
@click.option("--source", help="Where the amount comes from.")
@click.option("--remove", is_flag=True, help="Remove the business impact.")
@as_json
def cost(ref: str, impact: str | None, currency: str | None, source: str | None, remove: bool) -> None:
    """Show what incident REF costs, or record its business impact. For managers."""
    given = (impact, currency, source)
    if remove and any(given):
        fail("--remove can't be combined with --impact, --currency or --source.", code=USAGE)
    if any(given) and not all(given):
        fail("Pass --impact, --currency and --source together.", code=USAGE)
    address = f"/api/v1/incidents/{seg(ref)}"
    if remove:
        call("DELETE", f"{address}/business-impact")
    body = {"amount": impact, "currency": currency, "source": source}
    fields = call("PUT", f"{address}/business-impact", body) if impact else call("GET", f"{address}/cost")
    recorded = fields["business_impact"]
    people = [f"{each['amount']} {each['currency']}" for each in fields["people_costs"]]
    cost_rows = [["people cost", amount] for amount in people or ["-"]]
    if people and float(fields["unpriced_hours"]):
        cost_rows.append(["without a rate", f"{fields['unpriced_hours']} h"])
    rows = [
        ["people", f"{fields['people']}, {fields['hours']} h"],
        *cost_rows,
        ["business impact", f"{recorded['amount']} {recorded['currency']}" if recorded else "-"],
        ["source", recorded["source"] if recorded else "-"],
        ["recorded", f"{local(recorded['recorded_at'])}, {recorded['by']}" if recorded else "-"],
        *[["total", f"{total['amount']} {total['currency']}"] for total in fields["totals"]],
    ]
    show_table(fields, ("COST", "VALUE"), rows, wide=1, empty="")


COMMANDS = (cost,)
