"""Messages that waited while their incident became private, or their recipient lost access to it."""

from collections import defaultdict
from collections.abc import Sequence

from firebell.channels.base import Failed
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify import notice_store
from firebell.notify.model import Delivery
from firebell.people import actions as people
from firebell.people.model import Role
from firebell.people.permissions import Rights, private_reader

WITHHELD = Failed("The recipient may not read the private incident.", suspect=False)


async def withheld(tx: Tx, ctx: Context, claimed: Sequence[Delivery]) -> dict[int, Failed]:
    """Return the failure of each message that names a private incident which its recipient may not read."""
    subject_ids: dict[str, set[int]] = defaultdict(set)
    for delivery in claimed:
        composer = ctx.composers.get(delivery.subject_kind)
        if composer is not None and composer.incidents_of is not None:
            subject_ids[delivery.subject_kind].add(delivery.subject_id)
    incident_ids: dict[tuple[str, int], int] = {}
    for kind, ids in subject_ids.items():
        incidents_of = ctx.composers[kind].incidents_of
        assert incidents_of is not None
        by_subject = await incidents_of(tx, sorted(ids))
        incident_ids |= {(kind, subject_id): incident_id for subject_id, incident_id in by_subject.items()}
    about = {d.id: incident_ids.get((d.subject_kind, d.subject_id), 0) for d in claimed}
    readers = await notice_store.readers_of_private(tx, sorted({i for i in about.values() if i}))
    asked = [d for d in claimed if about[d.id] in readers and d.person_id not in readers[about[d.id]]]
    if not asked:
        return {}
    persons = await people.people_by_id(tx, list({delivery.person_id for delivery in asked}))
    reads_all = {
        person.id
        for person in persons.values()
        if private_reader(Rights(Role(person.role)), person.id) is None
    }
    return {delivery.id: WITHHELD for delivery in asked if delivery.person_id not in reads_all}
