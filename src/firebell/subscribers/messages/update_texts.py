"""The texts about what was published, for mails and webhooks, in the language of their reader (pure)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from firebell.kit.truncation import cut
from firebell.status_pages.public.languages import Language
from firebell.subscribers.messages.mail_format import Markdown

PRIVATE_CONTENT = ("News", "Update", "Open the status page to read it.")
"""The title, label and text of what is sent about a private page."""
BODY_BYTES, CARRIED_BODY_BYTES, CARRIED_UPDATES = 20_000, 5_000, 5


def without_text(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said about a private page instead: that there is news, and where."""
    title, label, body = PRIVATE_CONTENT
    return {
        **content,
        "is_private": True,
        "title": title,
        "label": label,
        "body": body,
        "translations": {},
        "next_update_at": None,
        "eta_at": None,
        "window": None,
        "components": [],
        "component_translations": {},
        "document": {},
    }


def local_time(at: datetime, tz: str, language: Language) -> str:
    """Return an instant with its day and its zone."""
    return f"{language.day(at, tz)}, {at.astimezone(ZoneInfo(tz)):%H:%M %Z}"


def title_of(content: Mapping[str, Any], language: Language) -> str:
    """Return the title of something published; of a private page, that there is news."""
    return language.text(content["title"]) if content.get("is_private") else str(content["title"])


def subject_of(content: Mapping[str, Any], language: Language) -> str:
    """Return the subject of a mail about something published."""
    what = language.labeled(language.text(content["label"]), title_of(content, language))
    return f"[{content['page']}] {what}"


def update_paragraphs(
    content: Mapping[str, Any], carried: Sequence[Mapping[str, Any]], tz: str, language: Language
) -> list[str | Markdown]:
    """Return the text about an update, after it those that its reader did not get before, newest first."""
    t = language.text
    at = local_time(datetime.fromisoformat(content["at"]), tz, language)
    paragraphs: list[str | Markdown] = [f"{t(content['label'])}, {at}"]
    paragraphs.append(Markdown(cut(body_of(content, language), BODY_BYTES), window_of(content, tz, language)))
    if content.get("components"):
        names = content.get("component_translations", {}).get(language.code) or content["components"]
        paragraphs.append(language.labeled(t("Affected"), language.listed(names)))
    if content.get("next_update_at"):
        at = local_time(datetime.fromisoformat(content["next_update_at"]), tz, language)
        paragraphs.append(t("Next update by {time}.", time=at))
    if content.get("eta_at"):
        at = local_time(datetime.fromisoformat(content["eta_at"]), tz, language)
        paragraphs.append(t("Expected to be over by {time}; this is an estimate.", time=at))
    for earlier in carried[:CARRIED_UPDATES]:
        at = local_time(datetime.fromisoformat(earlier["at"]), tz, language)
        body = cut(body_of(earlier, language), CARRIED_BODY_BYTES)
        lead = f"{t('Earlier')}, {at}, {t(earlier['label'])}: {window_of(earlier, tz, language)}"
        paragraphs.append(Markdown(body, lead))
    return paragraphs


def body_of(content: Mapping[str, Any], language: Language) -> str:
    """Return the text that people wrote; of a private page, where it is.

    What they translated when they published it is in the language of the reader.
    """
    if content.get("is_private"):
        return language.text(content["body"])
    return str(content.get("translations", {}).get(language.code) or content["body"])


def window_of(content: Mapping[str, Any], tz: str, language: Language) -> str:
    """Return the window of maintenance, empty for everything else and of a private page."""
    if content.get("is_private") or not (window := content.get("window")):
        return ""
    start, end = (datetime.fromisoformat(at) for at in window)
    return f"{language.interval(start, end, tz)}\n\n"
