"""A toy protocol at a path of its own, whose messages carry the integration key."""

import msgspec

from firebell.alerts.source_base.source import KeyedAddress, KeyedMessage, KeyedRequest, Reply, Source
from tests.house.toy_sources.klaxon import read as read_klaxon


def read(request: KeyedRequest) -> KeyedMessage:
    """Return the event of a message with its key."""
    try:
        data = msgspec.json.decode(request.body, type=dict)
    except msgspec.DecodeError as error:
        return KeyedMessage("", errors=(str(error),))
    return KeyedMessage(str(data.get("key")), read_klaxon(data, request.received_at))


def reply(message: KeyedMessage, is_known: bool) -> Reply:
    """Return the number of events, or 418 for a message that is refused."""
    return Reply(200, {"heard": len(message.events)}) if is_known else Reply(418, {"heard": 0})


SOURCE = Source(
    "klaxon-relay",
    "Klaxon relay",
    setup="Give the relay the integration key.",
    example='{"key": "<key>", "klaxon": "Deck 4", "loud": true}',
    address=KeyedAddress("/klaxon/hear", read, reply, "key"),
)
