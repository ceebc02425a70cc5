"""Endpoints of webhooks in a world, and what its sink got from them."""

import json
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from firebell.webhooks import actions
from firebell.webhooks.model import Endpoint, EndpointSettings
from tests.world import World


async def add_endpoint(w: World, name: str, **settings: Any) -> tuple[Endpoint, str]:
    """Create an endpoint at the sink, and return it with its secret."""
    entered = EndpointSettings(name, f"{w.sink.url}/{name}", **settings)
    async with w.ctx.db.tx() as tx:
        return await actions.create_endpoint(tx, await w.actor(w.mara), entered=entered, now=w.now)


def is_signed(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    """Ask the library that receivers use; it compares the timestamp with the real time."""
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def _is_for(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    """Return True if the library signs a message with a secret as it is signed, whenever that was."""
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    signature = Webhook(secret).sign(headers["webhook-id"], at, body.decode())
    return signature in headers["webhook-signature"].split()


def sent(w: World, secret: str) -> list[dict[str, Any]]:
    """Return the bodies that were signed with a secret, in the order in which they arrived."""
    return [
        json.loads(body)
        for headers, body in zip(w.sink.headers, w.sink.raw, strict=True)
        if "webhook-id" in headers and _is_for(secret, body, headers)
    ]


def types_of(bodies: list[dict[str, Any]]) -> list[str]:
    """Return the types of bodies."""
    return [body["type"] for body in bodies]
