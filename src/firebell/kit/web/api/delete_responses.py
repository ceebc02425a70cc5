"""The response to a removal, with the offer to undo it."""

from datetime import datetime

from firebell.kit.undo import Offer
from firebell.kit.web.api.types import ApiOutput


class UndoOffered(ApiOutput):
    """The token for `POST /undo/{token}`, and when it expires."""

    token: str
    until: datetime


class Removed(ApiOutput):
    """The response of a removal, revocation or reset; `undo` is null if it can't be undone."""

    undo: UndoOffered | None


def removed(offer: Offer | None) -> Removed:
    """Return the response to a removal, with the offer to undo it."""
    return Removed(undo=UndoOffered.model_validate(offer) if offer else None)
