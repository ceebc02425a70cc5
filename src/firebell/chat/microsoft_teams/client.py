"""The adapter of Microsoft Teams: a new card for each change of state, which nothing can edit."""

from firebell.chat.adapter_base.adapter import Call, CallFailed, Done, Trouble
from firebell.chat.adapter_base.operations import OpKind
from firebell.chat.adapter_base.webhook_client import WebhookClient
from firebell.chat.microsoft_teams.cards import message


class TeamsWebhook(WebhookClient):
    """Posts Adaptive Cards to Workflows webhooks."""

    async def run(self, call: Call) -> Done:
        """Post a card; raise `CallFailed`."""
        if call.kind is not OpKind.POST or call.content is None:
            raise CallFailed(Trouble.SKIPPED, f"{call.kind} is not possible")
        await self.post(self.address(call.channel), message(call.content, plain=call.plain))
        return Done(ts=call.nonce, channel=call.channel)
