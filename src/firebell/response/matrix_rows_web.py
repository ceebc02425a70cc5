"""The screen on which the rows of the escalation matrix are added, renamed, moved and removed, in the draft."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fastapi import Response

from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.response import document, queries, settings_actions
from firebell.response.model import MatrixRow, ResponseSettings

router = routing.html_router()
PAGE = "/settings/response/rows"


async def _rows_page(visit: Visit, error: FirebellError | None = None) -> Response:
    in_force, _ = await queries.settings(visit.tx)
    edited = await settings_actions.draft(visit.tx) or in_force
    context = {
        "nav": "settings",
        "tab": "response",
        "rows": edited.rows,
        "steps": Counter(step.function for one in edited.severities for step in one.matrix),
        "typed": visit.values if error else {},
        "error": error,
    }
    return await html.render(visit.request, "response/rows.html", context)


@router.get(PAGE, dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def rows_form(visit: CurrentVisit) -> Response:
    return await _rows_page(visit)


@router.post(PAGE, dependencies=route_access.needs(Verb.RESPONSE_WRITE))
async def edit_rows(visit: CurrentVisit) -> Response:
    before: tuple[MatrixRow, ...] = ()
    after: list[MatrixRow] = []

    def edit(settings: ResponseSettings) -> ResponseSettings:
        nonlocal before, after
        before, after = settings.rows, edited_rows(settings.rows, visit.values)
        return document.with_rows(settings, after)

    try:
        async with visit.tx.savepoint():
            await settings_actions.edit_draft(visit.tx, visit.actor, edit, visit.now)
    except FirebellError as error:
        error.fields = {_form_field(name, before, after): text for name, text in error.fields.items()}
        return await _rows_page(visit, error)
    return flash.redirect(visit.request, PAGE, "Added to the changes to review.")


def edited_rows(rows: Sequence[MatrixRow], values: Mapping[str, str]) -> list[MatrixRow]:
    """Return the rows with the names of a form, after what its button does, save without one; raise `Invalid`."""
    renamed = [replace(row, name=values.get(f"name.{row.key}", row.name)) for row in rows]
    verb, _, key = (values.get("do") or "save").partition(".")
    index = next((i for i, row in enumerate(renamed) if row.key == key), 0)
    match verb:
        case "save":
            pass
        case "add":
            name = values.get("new_name", "")
            renamed.append(MatrixRow(document.new_row_key(name, [row.key for row in rows]), name))
        case "up":
            renamed.insert(max(index - 1, 0), renamed.pop(index))
        case "remove":
            renamed = [row for row in renamed if row.key != key]
        case _:
            raise Invalid("That is not a change.", fields={"do": "Use save, add, up or remove."})
    return renamed


def _form_field(field: str, before: Sequence[MatrixRow], after: Sequence[MatrixRow]) -> str:
    """Return the field of the form for a field of the document, such as name.legal for rows.4.name."""
    kind, _, rest = field.partition(".")
    if kind != "rows" or not rest:
        return "new_name"
    row = after[int(rest.partition(".")[0])]
    return f"name.{row.key}" if row.key in {each.key for each in before} else "new_name"
