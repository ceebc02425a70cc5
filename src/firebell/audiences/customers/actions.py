"""Actions on customers and their contacts: create, change, import, delete and erase."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.audiences import customer_store, store
from firebell.audiences.customers import csv_file as customer_csv
from firebell.audiences.model import Customer
from firebell.audiences.posts import delivery_store
from firebell.audiences.settings import document as settings_document
from firebell.audiences.settings import queries as settings_queries
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.mail.addresses import clean_address
from firebell.kit.text import clean_name
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

MAX_CONTACTS = 1_000


async def customer(tx: Tx, customer_id: int) -> Customer:
    """Return a customer; raise `NotFound`."""
    listed = await customer_store.customers(tx, [customer_id])
    if not listed:
        raise NotFound("There is no such customer.", hint="See /customers.")
    return listed[0]


@permits(Verb.CUSTOMER_WRITE)
async def create_customer(
    tx: Tx,
    actor: Actor,
    name: str,
    now: datetime,
    *,
    service_ids: Sequence[int] = (),
    component_ids: Sequence[int] = (),
) -> Customer:
    """Add a customer with what it uses; raise `Conflict` if there is one with this name."""
    await customer_store.lock_customers(tx)
    name = await _free_name(tx, name)
    await _check_scope(tx, service_ids, component_ids)
    customer_id = await customer_store.insert_customer(tx, name, now)
    await customer_store.set_scope(tx, customer_id, service_ids, component_ids)
    await tx.audit(actor, "customer.created", name, now)
    return await customer(tx, customer_id)


async def _free_name(tx: Tx, name: str, own_id: int | None = None) -> str:
    name = clean_name(name, "name")
    if (await customer_store.ids_by_name(tx, [name])).get(name, own_id) != own_id:
        raise Conflict(f"There is already a customer {name}.", fields={"name": "Enter another name."})
    return name


async def _check_scope(
    tx: Tx, service_ids: Sequence[int], component_ids: Sequence[int], kept_service_ids: Sequence[int] = ()
) -> None:
    """Raise Invalid for what does not exist; a service that was deleted can be kept, but not chosen."""
    if unknown := set(service_ids) - set(await catalog.services_by_id(tx, list(service_ids))):
        raise Invalid(
            f"There is no service with the id {min(unknown)}.",
            fields={"service_ids": "Choose from the list."},
        )
    await catalog.hold_services(tx, set(service_ids) - set(kept_service_ids))
    if unknown := set(component_ids) - set(await customer_store.component_names(tx)):
        raise Invalid(
            f"There is no component with the id {min(unknown)}.",
            fields={"component_ids": "Choose from the list."},
        )


@permits(Verb.CUSTOMER_WRITE)
async def update_customer(
    tx: Tx,
    actor: Actor,
    customer_id: int,
    now: datetime,
    *,
    name: str | None = None,
    service_ids: Sequence[int] | None = None,
    component_ids: Sequence[int] | None = None,
) -> Customer:
    """Change what is given of a customer. Idempotent."""
    await customer_store.lock_customers(tx)
    old = await customer(tx, customer_id)
    services = old.service_ids if service_ids is None else tuple(sorted(set(service_ids)))
    components = old.component_ids if component_ids is None else tuple(sorted(set(component_ids)))
    await _check_scope(tx, services, components, old.service_ids)
    changed = []
    if name is not None and (new_name := await _free_name(tx, name, customer_id)) != old.name:
        await customer_store.rename_customer(tx, customer_id, new_name)
        changed.append("name")
    if (services, components) != (old.service_ids, old.component_ids):
        await customer_store.set_scope(tx, customer_id, services, components)
        changed.append("services")
    if changed:
        await tx.audit(actor, "customer.changed", old.name, now, changed=changed)
    return await customer(tx, customer_id)


@permits(Verb.CUSTOMER_WRITE)
async def delete_customer(tx: Tx, actor: Actor, customer_id: int, now: datetime) -> None:
    """Delete a customer with its contacts; raise `Conflict` while an audience names it."""
    await customer_store.lock_customers(tx)
    old = await customer(tx, customer_id)
    in_force, _ = await settings_queries.in_force(tx)
    member = f"customer:{customer_id}"
    if naming := [each.name for each in in_force.audiences if member in each.members]:
        raise Conflict(
            f"{old.name} is a member of {naming[0]}.",
            hint="Remove it there first, in Settings, Response, Audiences.",
        )
    await customer_store.delete_customer(tx, customer_id)
    await tx.audit(actor, "customer.deleted", old.name, now, contacts=len(old.contacts))


@permits(Verb.CUSTOMER_WRITE)
async def save_contact(
    tx: Tx,
    actor: Actor,
    customer_id: int,
    address: str,
    now: datetime,
    *,
    name: str = "",
    locale: str | None = None,
) -> Customer:
    """Add a contact to a customer, or change the one with this address. Idempotent.

    `locale` is the language of their emails, empty for that of each text, None to keep it.
    """
    await customer_store.lock_customers(tx)
    own = await customer(tx, customer_id)
    address = clean_address(address, "address")
    name = clean_name(name, "contact") if name.strip() else ""
    customer_csv.check_language(locale or "")
    if len(own.contacts) >= MAX_CONTACTS and address not in {each.address for each in own.contacts}:
        raise Conflict(f"A customer has at most {MAX_CONTACTS:,} contacts.")
    await customer_store.put_contacts(tx, [(customer_id, name, address, locale)], now)
    await tx.audit(actor, "customer.contact_saved", own.name, now)
    return await customer(tx, customer_id)


@permits(Verb.CUSTOMER_WRITE)
async def delete_contact(tx: Tx, actor: Actor, customer_id: int, contact_id: int, now: datetime) -> None:
    """Delete a contact of a customer; what it was sent stays in the lists of deliveries."""
    own = await customer(tx, customer_id)
    if await customer_store.delete_contact(tx, customer_id, contact_id) is None:
        raise NotFound(f"{own.name} has no such contact.")
    await tx.audit(actor, "customer.contact_deleted", own.name, now)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was removed of an address: contacts, and entries in lists of deliveries."""

    contacts: int
    deliveries: int


@permits(Verb.CUSTOMER_WRITE)
async def erase_address(tx: Tx, actor: Actor, address: str, now: datetime) -> Erasure:
    """Remove an address and its name everywhere, also from what was sent; queued messages to it are not sent.

    The audit log says that someone was erased, not who. Raise `NotFound` if nothing has the address.
    """
    address = clean_address(address, "address")
    await customer_store.lock_customers(tx)
    erased = Erasure(
        await customer_store.erase_contacts(tx, address), await delivery_store.erase(tx, address)
    )
    was_member = await _erase_member(tx, address)
    if not erased.contacts and not erased.deliveries and not was_member:
        raise NotFound("Nothing is stored about this address.", fields={"address": "Check the spelling."})
    detail = {"contacts": erased.contacts, "deliveries": erased.deliveries}
    await tx.audit(actor, "customer.contact_erased", "contact", now, **detail)
    return erased


async def _erase_member(tx: Tx, address: str) -> bool:
    """Remove an address from the members of all versions of the audiences; return True if it was in one."""
    await store.lock_settings(tx)
    named = await store.documents_with(tx, f"{settings_document.ADDRESS}:{address}")
    for version, document in named.items():
        await store.replace_document(tx, version, settings_document.without_address(document, address))
    return bool(named)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: the customers that are new, and the contacts that were saved."""

    customers: int
    contacts: int


@permits(Verb.CUSTOMER_WRITE)
async def import_csv(tx: Tx, actor: Actor, text: str, now: datetime) -> ImportResult:
    """Save the contacts of a CSV file with their customers, all or none.

    Nothing is deleted. What a customer uses is replaced if its rows name services or components.
    """
    rows = customer_csv.parse(text)
    await customer_store.lock_customers(tx)
    services = await _ids_of(tx, rows)
    components = {name.lower(): i for i, name in (await customer_store.component_names(tx)).items()}
    unknown = {each for row in rows for each in row.components if each.lower() not in components}
    if unknown:
        raise Invalid(
            "The file has errors, so nothing was imported.",
            fields={"file": f"There is no component {min(unknown)[:40]!r}."},
        )
    ids = await customer_store.ids_by_name(tx, list({row.customer for row in rows}))
    new = 0
    contacts: dict[tuple[int, str], tuple[str, str | None]] = {}
    scopes: dict[int, tuple[set[int], set[int]]] = {}
    by_lower_name = {name.lower(): i for name, i in ids.items()}
    for row in rows:
        customer_id = by_lower_name.get(row.customer.lower())
        if customer_id is None:
            customer_id = await customer_store.insert_customer(tx, row.customer, now)
            by_lower_name[row.customer.lower()] = customer_id
            new += 1
        contacts[customer_id, row.address] = (row.name, row.language)
        used = scopes.setdefault(customer_id, (set(), set()))
        used[0].update(services[each] for each in row.services)
        used[1].update(components[each.lower()] for each in row.components)
    saved = [
        (customer_id, name, address, language)
        for (customer_id, address), (name, language) in contacts.items()
    ]
    await customer_store.put_contacts(tx, saved, now)
    for customer_id, (service_ids, component_ids) in scopes.items():
        if service_ids or component_ids:
            await customer_store.set_scope(tx, customer_id, sorted(service_ids), sorted(component_ids))
    await tx.audit(actor, "customer.imported", "customers", now, new_customers=new, contacts=len(saved))
    return ImportResult(new, len(saved))


async def _ids_of(tx: Tx, rows: Sequence[customer_csv.ContactRow]) -> Mapping[str, int]:
    """Return the ids of the services that rows name, by slug or name."""
    by_text: dict[str, int] = {}
    # an export names deleted services by the slug that they have since the deletion
    for service in await catalog.services(tx, with_deleted=True):
        by_text[service.slug] = service.id
        if not service.is_deleted:
            by_text[service.name.lower()] = service.id
    ids = {}
    for each in {text for row in rows for text in row.services}:
        if each.lower() not in by_text:
            raise Invalid(
                "The file has errors, so nothing was imported.",
                fields={"file": f"There is no service {each[:40]!r}."},
            )
        ids[each] = by_text[each.lower()]
    return ids
