"""Messages as Markdown for chats that render it (pure). Text that people wrote neither formats nor mentions."""

from firebell.chat.adapter_base.message_model import Content, clip
from firebell.kit.markup import escape_markdown

escape = escape_markdown


def _block(text: str) -> str:
    return "\n".join(f"> {escape(line)}" for line in text.splitlines())


def markdown(content: Content, limit: int, *, mention: str = "@{}") -> str:
    """Return a message as Markdown within a limit; its links stay when it is cut."""
    lines = [" ".join(mention.format(user) for user in content.mentions)] if content.mentions else []
    if content.title:
        lines.append(f"**{escape(content.title)}**")
    if content.status:
        lines.append(escape(content.status))
    lines += [escape(paragraph) for paragraph in content.paragraphs]
    lines += [f"**{escape(label)}:** {escape(value)}" for label, value in content.fields]
    if content.quote:
        heading = [f"**{escape(content.quote.heading)}**"] if content.quote.heading else []
        lines.append("\n".join([*heading, _block(content.quote.text)]))
    if content.footer:
        lines.append(f"_{escape(content.footer)}_" if not content.title else escape(content.footer))
    links = [(link.label, link.url) for link in content.links]
    links += [(button.label, button.url) for button in content.buttons if button.url]
    tail = " · ".join(
        f"[{escape(clip(label, 100))}]({url})" for label, url in links if ")" not in url and " " not in url
    )
    text = "\n\n".join(line for line in lines if line)
    if not tail:
        return clip(text, limit)
    return f"{clip(text, max(1, limit - len(tail) - 2))}\n\n{tail}"
