"""The addresses of PagerDuty's vendor integrations, which carry the key and take what the vendor sends."""

from firebell.alerts.source_base.source import (
    KeyedAddress,
    KeyedMessage,
    KeyedRequest,
    Reply,
    Source,
    key_in_path,
)
from firebell.alerts.sources import generic, pagerduty

NAME = "pagerduty-integration"


def read(request: KeyedRequest) -> KeyedMessage:
    """Return the event of a PagerDuty body, and else what the generic address reads, such as an SNS envelope."""
    data = pagerduty.read_object(request)
    if not isinstance(data, KeyedMessage) and "event_action" in data:
        return pagerduty.message_of(data, request)
    return generic.keyed_message(request, key_in_path(request), "a PagerDuty integration")


def reply(message: KeyedMessage, is_known: bool) -> Reply:
    """Return PagerDuty's answer; what could be read in part is accepted, because a vendor cannot repeat it better."""
    if not is_known:
        return Reply(404, pagerduty.refusal(KeyedMessage("")).body)
    if not message.events and message.errors:
        return pagerduty.refusal(message)
    answer = {"status": "success", "message": "Event processed"}
    return Reply(202, {**answer, "dedup_key": message.events[0].dedup_key} if message.events else answer)


SOURCE = Source(
    NAME,
    "PagerDuty integration URL",
    icon='<path d="M9 3v5M15 3v5"/><path d="M6 8h12v3a6 6 0 0 1-12 0z"/><path d="M12 17v4"/>',
    setup=(
        "Where a tool has an integration URL of PagerDuty, such as CloudWatch, replace its host and key: this address "
        "reads PagerDuty events, the envelopes of Amazon SNS, and every tool that the generic webhook recognizes."
    ),
    example=(
        '{"event_action": "trigger", "dedup_key": "disk-9", '
        '"payload": {"summary": "Disk almost full", "source": "db1", "severity": "critical"}}'
    ),
    address=KeyedAddress(
        "/integration/<key>/enqueue", read, reply, "", key_of=key_in_path, failure=pagerduty.failure
    ),
)
