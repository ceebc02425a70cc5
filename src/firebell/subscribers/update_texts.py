"""The texts about what was published, for mails and webhooks (pure)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from firebell.kit.truncation import cut

BODY_BYTES, CARRIED_BODY_BYTES, CARRIED_UPDATES = 20_000, 5_000, 5


def local_time(at: datetime, tz: str) -> str:
    """Return an instant with its day and its zone."""
    return f"{at.astimezone(ZoneInfo(tz)):%-d %b %Y, %H:%M %Z}"


def subject_of(content: Mapping[str, Any]) -> str:
    """Return the subject of a mail about something published."""
    return f"[{content['page']}] {content['label']}: {content['title']}"


def update_paragraphs(content: Mapping[str, Any], carried: Sequence[Mapping[str, Any]], tz: str) -> list[str]:
    """Return the text about an update, after it those that its reader did not get before, newest first."""
    paragraphs = [
        f"{content['label']}, {local_time(datetime.fromisoformat(content['at']), tz)}",
        cut(content["body"], BODY_BYTES),
    ]
    if content.get("components"):
        paragraphs.append(f"Affected: {', '.join(content['components'])}")
    if content.get("next_update_at"):
        at = local_time(datetime.fromisoformat(content["next_update_at"]), tz)
        paragraphs.append(f"Next update by {at}.")
    for earlier in carried[:CARRIED_UPDATES]:
        at = local_time(datetime.fromisoformat(earlier["at"]), tz)
        paragraphs.append(f"Before, {at}, {earlier['label']}: {cut(earlier['body'], CARRIED_BODY_BYTES)}")
    return paragraphs
