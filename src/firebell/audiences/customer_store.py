"""The SQL of customers and their contacts."""

from collections.abc import Sequence
from datetime import datetime

from firebell.audiences.model import Customer, CustomerContact, Recipient
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx


async def lock_customers(tx: Tx) -> None:
    """Serialize changes of customers until the end of the transaction."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('customers', 0))")


async def customers(tx: Tx, ids: Sequence[int] | None = None) -> list[Customer]:
    """Return the customers with these ids, or all, by name."""
    rows = await tx.fetch(
        """
        select
            customer.id,
            customer.name,
            array(
                select service_id
                from customer_scope
                where customer_id = customer.id
                    and service_id is not null
                order by service_id
            ) as service_ids,
            array(
                select component_id
                from customer_scope
                where customer_id = customer.id
                    and component_id is not null
                order by component_id
            ) as component_ids
        from customer
        where $1::bigint[] is null or customer.id = any($1)
        order by lower(customer.name), customer.id
        """,
        None if ids is None else list(ids),
    )
    contacts = await _contacts(tx, [row["id"] for row in rows])
    return [
        Customer(
            row["id"],
            row["name"],
            tuple(row["service_ids"]),
            tuple(row["component_ids"]),
            tuple(contacts.get(row["id"], ())),
        )
        for row in rows
    ]


async def names_using(tx: Tx, service_id: int) -> list[str]:
    """Return the names of the customers that are restricted to some services, this one among them."""
    rows = await tx.fetch(
        """
        select name
        from customer
        join customer_scope on customer_scope.customer_id = customer.id
        where customer_scope.service_id = $1
        order by lower(name), customer.id
        """,
        service_id,
    )
    return [row["name"] for row in rows]


async def _contacts(tx: Tx, customer_ids: Sequence[int]) -> dict[int, list[CustomerContact]]:
    rows = await tx.fetch(
        """
        select customer_id, id, name, address, locale
        from customer_contact
        where customer_id = any($1::bigint[])
        order by address
        """,
        list(customer_ids),
    )
    contacts: dict[int, list[CustomerContact]] = {}
    for row in rows:
        contact = CustomerContact(row["id"], row["name"], row["address"], row["locale"])
        contacts.setdefault(row["customer_id"], []).append(contact)
    return contacts


async def ids_by_name(tx: Tx, names: Sequence[str]) -> dict[str, int]:
    """Return the ids of the customers that have one of these names in any case, by the name as it was given."""
    rows = await tx.fetch(
        """
        select given.name, customer.id
        from unnest($1::text[]) as given (name)
        join customer on lower(customer.name) = lower(given.name)
        """,
        list(names),
    )
    return {row["name"]: row["id"] for row in rows}


async def insert_customer(tx: Tx, name: str, now: datetime) -> int:
    """Add a customer and return its id."""
    customer_id = await tx.value(
        """
        insert into customer (name, created_at)
        values ($1, $2)
        returning id
        """,
        name,
        now,
    )
    assert isinstance(customer_id, int)
    return customer_id


async def rename_customer(tx: Tx, customer_id: int, name: str) -> None:
    """Set the name of a customer."""
    await tx.execute("update customer set name = $2 where id = $1", customer_id, name)


async def delete_customer(tx: Tx, customer_id: int) -> bool:
    """Delete a customer with its contacts; return False if there is none."""
    return await tx.changed("delete from customer where id = $1", customer_id) > 0


async def set_scope(
    tx: Tx, customer_id: int, service_ids: Sequence[int], component_ids: Sequence[int]
) -> None:
    """Set what a customer uses; nothing means everything."""
    await tx.execute("delete from customer_scope where customer_id = $1", customer_id)
    await tx.execute(
        """
        insert into customer_scope (customer_id, service_id)
        select distinct $1::bigint, service_id
        from unnest($2::bigint[]) as service_id
        """,
        customer_id,
        list(service_ids),
    )
    await tx.execute(
        """
        insert into customer_scope (customer_id, component_id)
        select distinct $1::bigint, component_id
        from unnest($2::bigint[]) as component_id
        """,
        customer_id,
        list(component_ids),
    )


async def put_contacts(tx: Tx, rows: Sequence[tuple[int, str, str, str | None]], now: datetime) -> None:
    """Add contacts as (customer id, name, address, language), or change those with the address; each address once.

    The language is None to keep it.
    """
    customer_ids, names, addresses, locales = transpose(rows, 4)
    await tx.execute(
        """
        insert into customer_contact (customer_id, name, address, created_at)
        select contact.customer_id, contact.name, contact.address, $4
        from unnest($1::bigint[], $2::text[], $3::text[]) as contact (customer_id, name, address)
        on conflict (customer_id, address) do update
        set name = excluded.name
        """,
        customer_ids,
        names,
        addresses,
        now,
    )
    await tx.execute(
        """
        update customer_contact as contact
        set locale = chosen.locale
        from unnest($1::bigint[], $2::text[], $3::text[]) as chosen (customer_id, address, locale)
        where contact.customer_id = chosen.customer_id
            and contact.address = chosen.address
            and chosen.locale is not null
        """,
        customer_ids,
        addresses,
        locales,
    )


async def delete_contact(tx: Tx, customer_id: int, contact_id: int) -> str | None:
    """Delete a contact of a customer and return its address, None if it has no such contact."""
    address = await tx.value(
        """
        delete from customer_contact
        where customer_id = $1
            and id = $2
        returning address
        """,
        customer_id,
        contact_id,
    )
    assert address is None or isinstance(address, str)
    return address


async def erase_contacts(tx: Tx, address: str) -> int:
    """Delete the contacts of all customers with an address; return their number."""
    return await tx.changed("delete from customer_contact where address = $1", address)


async def contacts_of(tx: Tx, customer_ids: Sequence[int]) -> list[Recipient]:
    """Return the contacts of customers, by name of the customer."""
    rows = await tx.fetch(
        """
        select contact.address, contact.name, customer.name as customer, contact.locale
        from customer_contact as contact
        join customer on customer.id = contact.customer_id
        where customer.id = any($1::bigint[])
        order by lower(customer.name), contact.address
        """,
        list(customer_ids),
    )
    return [Recipient(**dict(row)) for row in rows]


async def has_contacts(tx: Tx) -> bool:
    """Return True if any customer has a contact."""
    return bool(await tx.value("select exists (select from customer_contact)"))


async def affected_ids(tx: Tx, service_ids: Sequence[int]) -> list[int]:
    """Return the customers who use one of the services or a component of one, and those who use everything."""
    rows = await tx.fetch(
        """
        select customer.id
        from customer
        where not exists (select from customer_scope where customer_id = customer.id)
            or exists (
                select
                from customer_scope as scope
                left join status_component_service as part on part.component_id = scope.component_id
                where scope.customer_id = customer.id
                    and (scope.service_id = any($1::bigint[]) or part.service_id = any($1::bigint[]))
            )
        order by customer.id
        """,
        list(service_ids),
    )
    return [row["id"] for row in rows]


async def component_names(tx: Tx) -> dict[int, str]:
    """Return the names of the components of all status pages that are shown, by id."""
    rows = await tx.fetch(
        """
        select id, name
        from status_component
        where archived_at is null
        order by status_page_id, position, id
        """
    )
    return {row["id"]: row["name"] for row in rows}
