"""The signed links of mails: they name one subscription and one generation, and do nothing until someone posts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.signing import Signer
from firebell.subscribers.model import StatusSubscriber
from firebell.subscribers.subscription_rules import UNDO_PERIOD

LINK_PERIOD = timedelta(days=3653)
"""How long the link of a subscription works, unless it ends: mails are read years later."""


class LinkKind(StrEnum):
    """What a link is for; the value is its signing purpose, which never changes."""

    CONFIRM = "subscriber.confirm"
    MANAGE = "subscriber.unsub"
    RESUBSCRIBE = "subscriber.undo"


@dataclass(frozen=True, slots=True)
class SubscriptionLink:
    """A genuine link."""

    kind: LinkKind
    subscriber_id: int
    generation: int


def confirm_token(signer: Signer, subscriber: StatusSubscriber) -> str:
    """Return the token that confirms a subscription until its request expires; a newer one voids it."""
    assert subscriber.confirm_until
    value = {"s": subscriber.id, "g": subscriber.confirm_generation}
    return signer.sign(LinkKind.CONFIRM, value, subscriber.confirm_until)


def manage_token(signer: Signer, subscriber: StatusSubscriber) -> str:
    """Return the token with which a subscription is ended or changed; the same in each of its mails."""
    value = {"s": subscriber.id, "g": subscriber.link_generation}
    return signer.sign(LinkKind.MANAGE, value, subscriber.created_at + LINK_PERIOD)


def undo_token(signer: Signer, subscriber: StatusSubscriber, now: datetime) -> str:
    """Return the token that takes back the end of a subscription, for seven days."""
    value = {"s": subscriber.id, "g": subscriber.link_generation}
    return signer.sign(LinkKind.RESUBSCRIBE, value, (subscriber.ended_at or now) + UNDO_PERIOD)


def read(signer: Signer, token: str, now: datetime) -> SubscriptionLink:
    """Return what a token is for; raise `Invalid` if it is forged or too old."""
    problem: FirebellError = Invalid("This link doesn’t work.")
    for kind in LinkKind:
        try:
            value = signer.open(kind, token, now)
        except FirebellError as exc:
            problem = exc
            if "expired" in exc.message:
                break
            continue
        return SubscriptionLink(kind, int(value["s"]), int(value["g"]))
    raise Invalid(problem.message, hint="Subscribe again on the status page.")
