"""How calls of chats end, as they are counted (pure)."""

from enum import StrEnum

from firebell.chat.adapter_base.adapter import CallFailed, Trouble


class CallOutcome(StrEnum):
    """How a call of a chat ended; stored."""

    OK = "ok"
    LIMITED = "limited"
    FAILED = "failed"
    UNKNOWN = "unknown"


def outcome_of(answer: object) -> CallOutcome:
    """Return how a call ended, by its answer or failure."""
    if not isinstance(answer, CallFailed):
        return CallOutcome.OK
    match answer.trouble:
        case Trouble.LIMITED:
            return CallOutcome.LIMITED
        case Trouble.UNKNOWN:
            return CallOutcome.UNKNOWN
        case Trouble.SKIPPED | Trouble.TAKEN:
            # the chat answered, and nothing is wrong with it
            return CallOutcome.OK
        case _:
            return CallOutcome.FAILED
