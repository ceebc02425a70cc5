"""The webhooks of Opsgenie's integrations, such as Netdata's: each tool sends its own body."""

from firebell.alerts.source_base.source import KeyedAddress, KeyedMessage, KeyedRequest, Reply, Source
from firebell.alerts.sources import generic

NAME = "opsgenie-webhook"
_PATH = "/v1/json/integrations/webhooks/{}"


def key_in_query(request: KeyedRequest) -> str:
    """Return the parameter apiKey of the query."""
    return request.query.get("apiKey", "")


def read(request: KeyedRequest) -> KeyedMessage:
    """Return what the generic address reads, which recognizes the tool by its body."""
    return generic.keyed_message(request, key_in_query(request), "an Opsgenie integration")


def reply(message: KeyedMessage, is_known: bool) -> Reply:
    """Return Opsgenie's answer: 200, which Netdata insists on, or 422 for a body without any alert."""
    if not is_known:
        return Reply(
            401, {"message": "Could not authenticate: apiKey is not an integration key of Firebell."}
        )
    if message.errors and not message.events:
        return Reply(422, {"message": message.errors[0]})
    return Reply(200, {"result": "Request will be processed"})


SOURCE = Source(
    NAME,
    "Opsgenie integration webhook",
    icon=('<circle cx="9" cy="8" r="4"/><path d="M2 21c0-4 3-6 7-6"/><path d="M14 18h7l-3-3M21 18l-3 3"/>'),
    setup=(
        "Where a tool has a webhook address of an Opsgenie integration, such as Netdata, replace its host and its "
        "apiKey: this address recognizes the same tools as the generic webhook."
    ),
    example='{"host": "db1", "name": "disk_space", "chart": "disk.space", "status": "CRITICAL", "value": "99"}',
    address=KeyedAddress(
        _PATH.format("<tool>"),
        read,
        reply,
        "",
        key_of=key_in_query,
        shown=f"{_PATH.format('netdata')}?apiKey=<key>",
    ),
)
