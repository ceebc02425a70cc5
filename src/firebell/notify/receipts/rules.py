"""How far a message is, by the word of its provider or a device: a state only moves forward (pure)."""

from firebell.channels.callbacks import ReceiptState

_ORDER = (
    ReceiptState.ACCEPTED,
    ReceiptState.SENT,
    ReceiptState.DELIVERED,
    ReceiptState.SEEN,
    ReceiptState.ANSWERED,
)
_PROOF_OF_ARRIVAL = frozenset({ReceiptState.DELIVERED, ReceiptState.SEEN, ReceiptState.ANSWERED})


def later(old: ReceiptState, new: ReceiptState) -> ReceiptState:
    """Return the state after both were reported, in whatever order (spec 10.6).

    A failure ends only what has not arrived, and what was seen after all did not fail.
    """
    if ReceiptState.FAILED in (old, new):
        other = new if old is ReceiptState.FAILED else old
        return other if other in _PROOF_OF_ARRIVAL else ReceiptState.FAILED
    return max(old, new, key=_ORDER.index)
