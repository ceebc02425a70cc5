"""Map the state words of monitoring tools, such as `resolved`, to kinds of events (pure); not for severities."""

from firebell.alerts.cleaning import text
from firebell.alerts.model import EventKind, Json

_WORDS_BY_KIND = {
    EventKind.RESOLVED: (
        "0 clear cleared close closed end ended fixed healthy inactive normal ok okay passed recovered"
        " recovery resolve resolved success successful succeeded up"
    ),
    EventKind.ACK: "ack acknowledge acknowledged acknowledgement acknowledgment",
    EventKind.NOTE: (
        "custom downtimestart downtimeend downtimecancelled downtimecanceled downtimeremoved"
        " flappingstart flappingstop flappingend flappingdisabled"
    ),
}
_KIND_OF = {word: kind for kind, words in _WORDS_BY_KIND.items() for word in words.split()}


def kind_of(value: Json) -> EventKind | None:
    """Return the kind for a state field, FIRING for an unknown value, or None for an absent one."""
    word = text(value, 40).casefold()
    return _KIND_OF.get(word, EventKind.FIRING) if word else None
