"""The `webhooks` section of the OpenAPI document, from the models of the bodies (pure)."""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from firebell.webhooks import event_types
from firebell.webhooks.events.payloads import DATA_BY_PREFIX, WebhookEnvelope, data_model

_REF = "#/components/schemas/{model}"
_HEADERS = {
    "webhook-id": "id of the message, the same on every attempt and replay",
    "webhook-timestamp": "when this attempt was made, in seconds since 1970",
    "webhook-signature": "v1, and the base64 HMAC-SHA256 of id.timestamp.body; two during a rotation",
}


@cache
def section() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the path item of each type of event, and the schemas that they name."""
    models: list[type[BaseModel]] = [WebhookEnvelope, *dict.fromkeys(DATA_BY_PREFIX.values())]
    _, document = models_json_schema([(model, "serialization") for model in models], ref_template=_REF)
    types = [
        *event_types.EVENT_TYPES,
        event_types.EventType(event_types.TEST, "Someone sent a test event.", "Test"),
    ]
    return {each.name: _item(each) for each in types}, document["$defs"]


def _item(each: event_types.EventType) -> dict[str, Any]:
    data = _REF.format(model=data_model(each.name).__name__)
    body = {
        "allOf": [{"$ref": _REF.format(model=WebhookEnvelope.__name__)}],
        "properties": {"type": {"const": each.name}, "data": {"$ref": data}},
        "required": ["type", "timestamp", "version", "sequence", "data"],
    }
    operation = {
        "summary": each.summary,
        "operationId": each.name.replace(".", "_"),
        "tags": ["webhooks"],
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "2XX": {"description": "The event is accepted; the body is only kept in the log"},
            "410": {"description": "The endpoint is gone; it is disabled"},
        },
    }
    return {"post": operation}
