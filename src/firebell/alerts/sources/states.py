"""The words by which senders state what became of an alert (pure); for state fields, never for severities."""

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
    """Return what a state field states: None when it is absent, firing for any word that is not known."""
    word = text(value, 40).casefold()
    return _KIND_OF.get(word, EventKind.FIRING) if word else None
