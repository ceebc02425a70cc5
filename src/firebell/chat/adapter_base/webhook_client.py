"""What the adapters of webhooks share: one address for each channel, and no rooms."""

from collections.abc import Mapping
from typing import Any

import httpx

from firebell.chat.adapter_base.adapter import Call, CallFailed, Done, Trouble
from firebell.chat.adapter_base.http_calls import call as http_call
from firebell.chat.adapter_base.operations import OpKind
from firebell.chat.adapter_base.rate_buckets import Key, Rates
from firebell.kit.token_bucket import per_minute


class WebhookClient:
    """Posts to the webhooks of one account. What was posted cannot be read: a lost answer may make one double."""

    rates = Rates(
        methods={},
        default=per_minute(30, 3),
        channel=per_minute(30, 3),
        account=per_minute(60, 5),
        item=per_minute(20, 1),
    )
    name_max_chars = 80

    def __init__(self, http: httpx.AsyncClient, webhooks: Mapping[str, str]) -> None:
        self._http = http
        self._webhooks = webhooks

    def buckets(self, kind: OpKind, channel: str, key: str) -> list[Key]:
        """Return the buckets of a call."""
        return [("channel", channel), *([("object", key)] if kind is OpKind.EDIT else [])]

    def address(self, channel: str) -> str:
        """Return the webhook of a channel; raise `CallFailed` if there is none."""
        if channel not in self._webhooks:
            raise CallFailed(Trouble.REFUSED, "This channel has no webhook.")
        return self._webhooks[channel]

    async def post(
        self, url: str, body: Mapping[str, Any], *, method: str = "POST", json_answer: bool = False
    ) -> dict[str, Any]:
        """Send a body; an address that is gone breaks the account."""
        try:
            return await http_call(self._http, method, url, body, json_answer=json_answer)
        except CallFailed as failure:
            if failure.trouble is Trouble.REFUSED and method == "POST":
                raise CallFailed(Trouble.ACCOUNT, failure.code) from failure
            raise

    async def run(self, call: Call) -> Done:
        """Make one call; raise `CallFailed`."""
        raise NotImplementedError

    async def find(self, call: Call) -> Done | None:
        """Return None: nothing can be read, so the message is sent once more."""
        return None
