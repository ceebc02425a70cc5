"""The API of customers and their contacts."""

from typing import Annotated

from fastapi import Response
from pydantic import ConfigDict, Field

from firebell.audiences import customer_store
from firebell.audiences.customers import actions as customer_actions
from firebell.audiences.customers import csv_file as customer_csv
from firebell.audiences.model import Customer
from firebell.catalog import actions as catalog
from firebell.kit.mail.addresses import ADDRESS_CHARACTERS
from firebell.kit.web import api, html
from firebell.kit.web.api import ApiInput, ApiOutput, Id, Name, PathId, Text, problems
from firebell.kit.web.file_names import disposition
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("customers")

Reader = Annotated[Work, work(Verb.CUSTOMER_READ)]
Manager = Annotated[Work, work(Verb.CUSTOMER_WRITE)]
Address = Annotated[Text, Field(max_length=ADDRESS_CHARACTERS, examples=["ops@customer.example"])]
Ids = Annotated[list[Id], Field(max_length=1000)]


class ContactShown(ApiOutput):
    """A person at a customer."""

    id: int
    name: str
    address: str
    language: Annotated[str, Field(description="of emails that were translated into it; empty for any")]


class CustomerShown(ApiOutput):
    """A customer; without services and components it uses everything."""

    id: int
    name: str
    service_ids: list[int]
    component_ids: list[int]
    contacts: list[ContactShown]


class NewCustomer(ApiInput):
    """A customer to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Nordpost", "service_ids": []}]})

    name: Name
    service_ids: Ids = Field(default_factory=list)
    component_ids: Ids = Field(default_factory=list)


class ChangedCustomer(ApiInput):
    """What to change of a customer; what is left out stays as it is."""

    name: Name | None = None
    service_ids: Ids | None = None
    component_ids: Ids | None = None


class ContactFields(ApiInput):
    """A contact to add, or to rename by its address."""

    address: Address
    name: Annotated[Text, Field(max_length=120)] = ""
    language: Annotated[
        Text | None, Field(max_length=20, examples=["de"], description="empty for any; null to keep it")
    ] = None


class ErasedAddress(ApiInput):
    """The address to erase everywhere."""

    address: Address


class ErasureShown(ApiOutput):
    """What was removed of an address."""

    contacts: int
    deliveries: int


class CustomersImport(ApiInput):
    """A CSV file with the columns customer and email, and optionally contact, services and components."""

    csv: Annotated[
        Text,
        Field(
            max_length=customer_csv.MAX_BYTES,
            examples=["customer,contact,email,services\nNordpost,Ida,ops@nordpost.example,checkout"],
        ),
    ]


class CustomersImportShown(ApiOutput):
    """The number of new customers, and of contacts that were saved."""

    customers: int
    contacts: int


def _customer(customer: Customer) -> CustomerShown:
    return CustomerShown(
        id=customer.id,
        name=customer.name,
        service_ids=list(customer.service_ids),
        component_ids=list(customer.component_ids),
        contacts=[
            ContactShown(id=each.id, name=each.name, address=each.address, language=each.locale)
            for each in customer.contacts
        ],
    )


@router.get("/customers", summary="List customers with their contacts")
async def list_customers(w: Reader) -> list[CustomerShown]:
    return [_customer(each) for each in await customer_store.customers(w.tx)]


@router.post("/customers", status_code=201, summary="Add a customer", responses=problems(409))
async def create_customer(w: Manager, body: NewCustomer) -> CustomerShown:
    return _customer(
        await customer_actions.create_customer(
            w.tx,
            w.actor,
            body.name,
            w.now,
            service_ids=body.service_ids,
            component_ids=body.component_ids,
        )
    )


@router.post("/customers/import", summary="Import customers and contacts from CSV")
async def import_customers(w: Manager, body: CustomersImport) -> CustomersImportShown:
    result = await customer_actions.import_csv(w.tx, w.actor, body.csv, w.now)
    return CustomersImportShown(customers=result.customers, contacts=result.contacts)


@router.get(
    "/customers.csv",
    summary="Export all contacts as CSV that the import reads",
    response_class=Response,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "One row per contact"}
    },
)
async def export_customers(w: Manager) -> Response:
    text = customer_csv.export(
        await customer_store.customers(w.tx),
        {each.id: each.slug for each in await catalog.services(w.tx, with_deleted=True)},
        await customer_store.component_names(w.tx),
    )
    headers = {**html.HEADERS, "Content-Disposition": disposition("customers.csv")}
    return Response(text, headers=headers, media_type="text/csv")


@router.post(
    "/customers/erase",
    summary="Erase an address from all customers and from what was sent",
    responses=problems(404),
)
async def erase_address(w: Manager, body: ErasedAddress) -> ErasureShown:
    erased = await customer_actions.erase_address(w.tx, w.actor, body.address, w.now)
    return ErasureShown(contacts=erased.contacts, deliveries=erased.deliveries)


@router.get("/customers/{customer_id}", summary="Show a customer", responses=problems(404))
async def show_customer(w: Reader, customer_id: PathId) -> CustomerShown:
    return _customer(await customer_actions.customer(w.tx, customer_id))


@router.patch("/customers/{customer_id}", summary="Change a customer", responses=problems(404, 409))
async def change_customer(w: Manager, customer_id: PathId, body: ChangedCustomer) -> CustomerShown:
    return _customer(
        await customer_actions.update_customer(
            w.tx,
            w.actor,
            customer_id,
            w.now,
            name=body.name,
            service_ids=body.service_ids,
            component_ids=body.component_ids,
        )
    )


@router.delete(
    "/customers/{customer_id}", status_code=204, summary="Delete a customer", responses=problems(404, 409)
)
async def delete_customer(w: Manager, customer_id: PathId) -> None:
    await customer_actions.delete_customer(w.tx, w.actor, customer_id, w.now)


@router.post(
    "/customers/{customer_id}/contacts",
    status_code=201,
    summary="Add a contact, or rename the one with its address",
    responses=problems(404, 409),
)
async def save_contact(w: Manager, customer_id: PathId, body: ContactFields) -> CustomerShown:
    return _customer(
        await customer_actions.save_contact(
            *(w.tx, w.actor, customer_id, body.address, w.now), name=body.name, locale=body.language
        )
    )


@router.delete(
    "/customers/{customer_id}/contacts/{contact_id}",
    status_code=204,
    summary="Delete a contact",
    responses=problems(404),
)
async def delete_contact(w: Manager, customer_id: PathId, contact_id: PathId) -> None:
    await customer_actions.delete_contact(w.tx, w.actor, customer_id, contact_id, w.now)
