"""The pages of customers and their contacts."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Response
from starlette.datastructures import UploadFile

from firebell.audiences import customer_store
from firebell.audiences.customers import actions as customer_actions
from firebell.audiences.customers import csv_file as customer_csv
from firebell.audiences.model import Customer
from firebell.catalog import actions as catalog
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.text import plural, to_choices, to_id
from firebell.kit.web import flash, html, routing
from firebell.kit.web.file_names import disposition
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit, visit_with
from firebell.status_pages.public.languages import language_names

router = routing.html_router()

HOME = "/customers"
SHOWN = 200
"""The most customers that the page lists; a search finds the others."""


async def _choices(visit: Visit, chosen: Sequence[int] = ()) -> dict[str, Any]:
    """Return the services and components that a customer can use, and those in `chosen` that were deleted."""
    return {
        "service_options": await catalog.options(visit.tx, chosen),
        "component_options": list((await customer_store.component_names(visit.tx)).items()),
    }


async def _list(
    visit: Visit, search: str, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    listed = await customer_store.customers(visit.tx)
    wanted = search.strip().lower()
    matching = [each for each in listed if not wanted or _matches(each, wanted)]
    context = {
        "nav": "customers",
        "customers": matching[:SHOWN],
        "more": max(0, len(matching) - SHOWN),
        "total": len(listed),
        "contacts": sum(len(each.contacts) for each in listed),
        "search": search,
        **await _choices(visit),
        "services": {each.id: each.label for each in await catalog.services(visit.tx, with_deleted=True)},
        "components": await customer_store.component_names(visit.tx),
        "columns": ", ".join(customer_csv.COLUMNS),
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "audiences/customers.html", context)


def _matches(customer: Customer, wanted: str) -> bool:
    return wanted in customer.name.lower() or any(
        wanted in contact.address or wanted in contact.name.lower() for contact in customer.contacts
    )


@router.get(HOME, dependencies=route_access.needs(Verb.CUSTOMER_READ))
async def list_customers(visit: CurrentVisit, q: str = "") -> Response:
    return await _list(visit, q, {})


@router.get("/customers.csv", dependencies=route_access.needs(Verb.CUSTOMER_WRITE))
async def export(visit: CurrentVisit) -> Response:
    """Export all contacts, one row for each, in the form that the import reads."""
    text = customer_csv.export(
        await customer_store.customers(visit.tx),
        {each.id: each.slug for each in await catalog.services(visit.tx, with_deleted=True)},
        await customer_store.component_names(visit.tx),
    )
    headers = {**html.HEADERS, "Content-Disposition": disposition("customers.csv")}
    return Response(text, headers=headers, media_type="text/csv")


@router.post(HOME, dependencies=route_access.needs(Verb.CUSTOMER_WRITE))
async def create(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            customer = await customer_actions.create_customer(
                visit.tx,
                visit.actor,
                visit.text("name"),
                visit.now,
                service_ids=to_choices(visit.form.getlist("service_ids"), "service_ids"),
                component_ids=to_choices(visit.form.getlist("component_ids"), "component_ids"),
            )
    except FirebellError as error:
        return await _list(visit, "", visit.values, error)
    return flash.redirect(visit.request, f"{HOME}/{customer.id}", "Customer added. Add a contact.")


@router.post("/customers/import", dependencies=route_access.needs(Verb.CUSTOMER_WRITE))
async def import_customers(visit: Annotated[Visit, visit_with(files=1)]) -> Response:
    upload, pasted = visit.form.get("file"), visit.text("csv")
    try:
        async with visit.tx.savepoint():
            if isinstance(upload, UploadFile) and upload.filename:
                pasted = customer_csv.decoded(await upload.read(customer_csv.MAX_BYTES + 1))
            if not pasted.strip():
                raise Invalid("No file is chosen.", fields={"file": "Choose a CSV file."})
            result = await customer_actions.import_csv(visit.tx, visit.actor, pasted, visit.now)
    except FirebellError as error:
        return await _list(visit, "", visit.values, error)
    text = f"{plural(result.contacts, 'contact')} imported, {plural(result.customers, 'new customer')}."
    return flash.redirect(visit.request, HOME, text)


@router.post("/customers/erase", dependencies=route_access.needs(Verb.CUSTOMER_WRITE))
async def erase(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            await customer_actions.erase_address(visit.tx, visit.actor, visit.text("address"), visit.now)
    except FirebellError as error:
        return await _list(visit, "", visit.values, error)
    return flash.redirect(visit.request, HOME, "Contact erased.")


async def _customer(visit: Visit, customer_id: str) -> Customer:
    number = to_id(customer_id)
    if number is None:
        raise NotFound("There is no such customer.", hint="See /customers.")
    return await customer_actions.customer(visit.tx, number)


async def _show(
    visit: Visit, customer: Customer, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    context = {
        "nav": "customers",
        "customer": customer,
        **await _choices(visit, customer.service_ids),
        "language_names": language_names(),
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "audiences/customer.html", context)


@router.get("/customers/{customer_id}", dependencies=route_access.needs(Verb.CUSTOMER_READ))
async def show(visit: CurrentVisit, customer_id: str) -> Response:
    return await _show(visit, await _customer(visit, customer_id), {})


@router.post("/customers/{customer_id}", dependencies=route_access.needs(Verb.CUSTOMER_WRITE))
async def change(visit: CurrentVisit, customer_id: str) -> Response:
    customer = await _customer(visit, customer_id)
    try:
        async with visit.tx.savepoint():
            await customer_actions.update_customer(
                visit.tx,
                visit.actor,
                customer.id,
                visit.now,
                name=visit.text("name"),
                service_ids=to_choices(visit.form.getlist("service_ids"), "service_ids"),
                component_ids=to_choices(visit.form.getlist("component_ids"), "component_ids"),
            )
    except FirebellError as error:
        return await _show(visit, customer, visit.values, error)
    return flash.redirect(visit.request, f"{HOME}/{customer.id}", "Changes saved.")


@router.post("/customers/{customer_id}/contacts", dependencies=route_access.needs(Verb.CUSTOMER_WRITE))
async def save_contact(visit: CurrentVisit, customer_id: str) -> Response:
    customer = await _customer(visit, customer_id)
    try:
        async with visit.tx.savepoint():
            await customer_actions.save_contact(
                visit.tx,
                visit.actor,
                customer.id,
                visit.text("address"),
                visit.now,
                name=visit.text("contact"),
                locale=visit.text("language"),
            )
    except FirebellError as error:
        return await _show(visit, customer, visit.values, error)
    return flash.redirect(visit.request, f"{HOME}/{customer.id}", "Contact saved.")


@router.post(
    "/customers/{customer_id}/contacts/{contact_id}/delete",
    dependencies=route_access.needs(Verb.CUSTOMER_WRITE),
)
async def delete_contact(visit: CurrentVisit, customer_id: str, contact_id: str) -> Response:
    customer = await _customer(visit, customer_id)
    await customer_actions.delete_contact(
        visit.tx, visit.actor, customer.id, to_id(contact_id) or 0, visit.now
    )
    return flash.redirect(visit.request, f"{HOME}/{customer.id}", "Contact deleted.")


@router.post("/customers/{customer_id}/delete", dependencies=route_access.needs(Verb.CUSTOMER_WRITE))
async def delete(visit: CurrentVisit, customer_id: str) -> Response:
    customer = await _customer(visit, customer_id)
    await customer_actions.delete_customer(visit.tx, visit.actor, customer.id, visit.now)
    return flash.redirect(visit.request, HOME, f"{customer.name} deleted.")
