"""The adapter of Google Chat: messages of one incident share a thread, which nothing can edit."""

from urllib.parse import urlencode

from firebell.chat.adapter_base.adapter import Call, CallFailed, Done, Trouble
from firebell.chat.adapter_base.message_model import Content, clip
from firebell.chat.adapter_base.operations import OpKind
from firebell.chat.adapter_base.webhook_client import WebhookClient
from firebell.kit.markup import escape_google_chat as escape

MAX_BYTES = 32_000
_MAX_CHARS = 4_000


def render(content: Content) -> str:
    """Return a message in Google Chat's markup."""
    lines = [f"*{escape(content.title)}*"] if content.title else []
    lines += [escape(text) for text in (content.status, *content.paragraphs) if text]
    lines += [f"*{label}:* {escape(value)}" for label, value in content.fields]
    lines += [escape(content.quote.text)] if content.quote else []
    lines += [escape(content.footer)] if content.footer else []
    links = " · ".join(
        f"<{link.url}|{escape(clip(link.label, 100))}>" for link in content.links if "|" not in link.url
    )
    return clip("\n".join(lines) or content.text, _MAX_CHARS) + (f"\n{links}" if links else "")


def _thread(call: Call) -> str:
    """Return a thread that differs from any that a restored backup lost: it names the start too (decision 0114)."""
    began_at = "" if call.began_at is None else f"-{int(call.began_at.timestamp())}"
    return call.key.partition("@")[0] + began_at


class GoogleChatWebhook(WebhookClient):
    """Posts to webhooks; the thread of an incident is named by its announcement."""

    async def run(self, call: Call) -> Done:
        """Post a message; raise `CallFailed`."""
        if call.kind is not OpKind.POST or call.content is None:
            raise CallFailed(Trouble.SKIPPED, f"{call.kind} is not possible")
        url = self.address(call.channel)
        option = urlencode({"messageReplyOption": "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"})
        text = escape(call.content.text) if call.plain else render(call.content)
        body = {"text": text, "thread": {"threadKey": _thread(call)}}
        answer = await self.post(f"{url}{'&' if '?' in url else '?'}{option}", body, json_answer=True)
        return Done(ts=str(answer.get("name", call.nonce)), channel=call.channel)
