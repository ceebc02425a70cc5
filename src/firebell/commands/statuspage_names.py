"""`firebell statuspage names`: the names of components in the other languages of a status page."""

from collections.abc import Iterable
from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, fail, pairs, show, show_table

Fields = dict[str, Any]


@click.group()
def names() -> None:
    """Translate the names and descriptions of components."""


def _rows(translation: Fields) -> Iterable[list[str]]:
    for kind in ("group", "component"):
        for part in translation[f"{kind}s"]:
            yield [
                *(translation["language"], kind, str(part["id"]), part["name"]),
                part["translated_name"] or "-",
            ]


@names.command("list", epilog=example("firebell statuspage names list kestrel"))
@click.argument("slug")
@as_json
def list_names(slug: str) -> None:
    """List the names of groups and components in each of the other languages."""
    listed = call("GET", f"/api/v1/status-pages/{seg(slug)}/translations")
    rows = [row for translation in listed for row in _rows(translation)]
    show_table(
        listed,
        ("LANGUAGE", "KIND", "ID", "NAME", "TRANSLATED"),
        rows,
        wide=3,
        empty="The page has no other languages.",
    )


@names.command(
    "translate",
    epilog=example(
        "firebell statuspage names translate kestrel de --component 3=Kartenzahlung",
        "firebell statuspage names translate kestrel de --group 1=Europa --description 3='Im Shop zahlen'",
    ),
)
@click.argument("slug")
@click.argument("language")
@click.option("--component", "components", multiple=True, metavar="ID=NAME", help="The name of a component.")
@click.option("--group", "groups", multiple=True, metavar="ID=NAME", help="The name of a group.")
@click.option("--description", "descriptions", multiple=True, metavar="ID=TEXT", help="Of a component.")
@as_json
def translate(
    slug: str,
    language: str,
    components: tuple[str, ...],
    groups: tuple[str, ...],
    descriptions: tuple[str, ...],
) -> None:
    """Translate names into LANGUAGE; an empty name is shown as it is on the page. What you leave out stays."""
    usage = "--component 3=Kartenzahlung"
    body: dict[str, dict[str, dict[str, str]]] = {"components": {}, "groups": {}}
    for kind, field, options in (
        ("components", "name", components),
        ("groups", "name", groups),
        ("components", "description", descriptions),
    ):
        for part_id, text in pairs(options, "ID=TEXT", usage).items():
            body[kind].setdefault(part_id, {})[field] = text
    if not body["components"] and not body["groups"]:
        fail("There is nothing to change.", f"Name an option, such as {usage}.")
    translation = call("PUT", f"/api/v1/status-pages/{seg(slug)}/translations/{seg(language)}", body)
    left = translation["missing"]
    show(translation, "Saved. Nothing is left to translate." if not left else f"Saved. Texts left: {left}.")
