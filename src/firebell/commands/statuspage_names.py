"""`firebell statuspage names`: the names of components in the other languages of a status page."""

from collections.abc import Iterable
from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, fail, pairs, show, show_table

Fields = dict[str, Any]


@click.group()
def names() -> None:
    """Translate the texts of a page, and the names of its components."""


def _rows(translation: Fields) -> Iterable[list[str]]:
    language = translation["language"]
    if translation["about"]:
        yield [language, "about", "-", translation["about"], translation["translated_about"] or "-"]
    for link in translation["footer_links"]:
        yield [language, "link", "-", link["label"], link["translated_label"] or "-"]
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
    """List the texts of a page in each of its other languages."""
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
@click.option("--about", help="What the page says about itself.")
@click.option("--link", "links", multiple=True, metavar="LABEL=TEXT", help="The label of a footer link.")
@as_json
def translate(
    slug: str,
    language: str,
    components: tuple[str, ...],
    groups: tuple[str, ...],
    descriptions: tuple[str, ...],
    about: str | None,
    links: tuple[str, ...],
) -> None:
    """Translate texts into LANGUAGE; an empty one is shown as it is on the page. What you leave out stays."""
    usage = "--component 3=Kartenzahlung"
    body: dict[str, Any] = {"components": {}, "groups": {}, "footer_links": {}}
    for kind, field, options in (
        ("components", "name", components),
        ("groups", "name", groups),
        ("components", "description", descriptions),
    ):
        for part_id, text in pairs(options, "ID=TEXT", usage).items():
            body[kind].setdefault(part_id, {})[field] = text
    body["footer_links"] = pairs(links, "LABEL=TEXT", "--link Imprint=Impressum")
    if about is not None:
        body["about"] = about
    if not any(body.values()) and about is None:
        fail("There is nothing to change.", f"Pass an option, such as {usage}.")
    translation = call("PUT", f"/api/v1/status-pages/{seg(slug)}/translations/{seg(language)}", body)
    left = translation["missing"]
    show(translation, "Saved. Nothing is left to translate." if not left else f"Saved. Texts left: {left}.")
