"""Messages that waited while their contact method was removed, or its owner stopped messages there."""

from collections import defaultdict
from collections.abc import Sequence

from firebell.channels.base import Failed
from firebell.kit.db.database import Tx
from firebell.notify.model import Delivery
from firebell.people import actions as people
from firebell.people.model import ContactMethod, MethodState

REMOVED = Failed("The contact method was removed.", suspect=False)
STOPPED = Failed("The contact method gets no messages anymore.", suspect=False)


async def failed(tx: Tx, claimed: Sequence[Delivery]) -> dict[int, Failed]:
    """Return the failure of each message whose contact method gets none anymore, so that the next rule acts.

    Reads nothing for what is sent as soon as it is queued.
    """
    waited = [delivery for delivery in claimed if delivery.send_at > delivery.created_at]
    if not waited:
        return {}
    by_person: dict[int, list[ContactMethod]] = defaultdict(list)
    for method in await people.methods_of(tx, list({delivery.person_id for delivery in waited})):
        by_person[method.person_id].append(method)
    failures = ((d.id, failure_of(d.method_id, by_person[d.person_id])) for d in waited)
    return {delivery_id: failure for delivery_id, failure in failures if failure}


def failure_of(method_id: int, methods: Sequence[ContactMethod]) -> Failed | None:
    """Return why nothing is sent by a contact method, given those that its owner has; None if it is used; pure.

    What was disabled is used if there is nothing else: no state silences a person.
    """
    method = next((each for each in methods if each.id == method_id), None)
    if method is None:
        return REMOVED
    return STOPPED if method.state is MethodState.DISABLED and method not in people.paged(methods) else None
