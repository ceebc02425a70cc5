"""The adapter of Discord: one message for each incident, edited by its id through the same webhook."""

from firebell.chat.adapter_base.adapter import Call, CallFailed, Done, Trouble
from firebell.chat.adapter_base.markdown_text import markdown
from firebell.chat.adapter_base.operations import OpKind
from firebell.chat.adapter_base.webhook_client import WebhookClient

MAX_CHARS = 2_000


class DiscordWebhook(WebhookClient):
    """Posts to webhooks; nothing in a message mentions anyone."""

    async def run(self, call: Call) -> Done:
        """Post, edit or delete a message; raise `CallFailed`."""
        url = self.address(call.channel)
        if call.kind is OpKind.DELETE:
            try:
                await self.post(f"{url}/messages/{call.ts}", {}, method="DELETE")
            except CallFailed as failure:
                if failure.trouble is not Trouble.REFUSED:
                    raise
            return Done()
        if call.content is None or call.kind not in (OpKind.POST, OpKind.EDIT):
            raise CallFailed(Trouble.SKIPPED, f"{call.kind} is not possible")
        text = call.content.text if call.plain else markdown(call.content, MAX_CHARS)
        body = {"content": text[:MAX_CHARS] or "Firebell", "allowed_mentions": {"parse": []}, "flags": 4}
        if call.kind is OpKind.POST:
            answer = await self.post(f"{url}?wait=true", body, json_answer=True)
            return Done(ts=str(answer.get("id", "")), channel=call.channel)
        try:
            await self.post(f"{url}/messages/{call.ts}", body, method="PATCH")
        except CallFailed as failure:
            if failure.trouble is Trouble.REFUSED:
                raise CallFailed(Trouble.MESSAGE_GONE, failure.code) from failure
            raise
        return Done(ts=call.ts, channel=call.channel)
