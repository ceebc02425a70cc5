"""`firebell customer`: customers and who of them gets emails about incidents."""

from pathlib import Path

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, echo, example, fail, show, show_table


@click.group()
def customer() -> None:
    """List, import, export and erase customers and their contacts."""


@customer.command("list", epilog=example("firebell customer list"))
@as_json
def list_() -> None:
    """List customers with their contacts."""
    listed = call("GET", "/api/v1/customers")
    rows = [
        [str(each["id"]), each["name"], ", ".join(contact["address"] for contact in each["contacts"]) or "-"]
        for each in listed
    ]
    show_table(listed, ("ID", "CUSTOMER", "CONTACTS"), rows, wide=2, empty="No customers.")


@customer.command("import", epilog=example("firebell customer import contacts.csv"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def import_(file: Path) -> None:
    """Import contacts from a CSV file with the columns customer, contact, email, services, components and language."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}", "Save it as CSV in UTF-8.")
    result = call("POST", "/api/v1/customers/import", {"csv": text})
    show(result, f"Imported {result['contacts']} contacts, {result['customers']} new customers.")


@customer.command("export", epilog=example("firebell customer export > contacts.csv"))
def export() -> None:
    """Print all contacts as CSV."""
    echo(call("GET", "/api/v1/customers.csv").rstrip("\r\n"))


@customer.command("erase", epilog=example("firebell customer erase ida@nordpost.example"))
@click.argument("address")
@as_json
def erase(address: str) -> None:
    """Remove an address from all customers and from everything that was sent."""
    result = call("POST", "/api/v1/customers/erase", {"address": address})
    show(result, f"Erased {result['contacts']} contacts and {result['deliveries']} entries of deliveries.")
