"""Find a contact method of a person, for its actions and its screens."""

from firebell.kit.db.database import Reads
from firebell.kit.errors import NotFound
from firebell.people import contact_method_store
from firebell.people.model import ContactMethod


async def own_method(tx: Reads, person_id: int, method_id: int) -> ContactMethod:
    """Return a contact method in use of a person; raise `NotFound` if it is not one of theirs."""
    for method in await contact_method_store.methods(tx, [person_id]):
        if method.id == method_id:
            return method
    raise NotFound("There is no such contact method.")
