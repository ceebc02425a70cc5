"""Which open screens show a delivery."""

from firebell.kit.context import Context
from firebell.notify.model import Delivery


def topic_of(ctx: Context, delivery: Delivery) -> str:
    """Return the live topic of a delivery: that of its subject, else that of its person."""
    composer = ctx.composers.get(delivery.subject_kind)
    if composer and composer.topic:
        return f"{composer.topic}-{delivery.subject_id}"
    return f"person-{delivery.person_id}"
