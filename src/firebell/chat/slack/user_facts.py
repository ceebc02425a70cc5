"""What Slack's `users.info` says of a user (pure)."""

from typing import Any

from firebell.chat.slack.payloads import at, text_at
from firebell.chat.users import UserFacts


def user_facts(user: Any) -> UserFacts:
    """Return the facts of a user object; what is missing counts against a link."""
    guest = any(at(user, name) is True for name in ("is_restricted", "is_ultra_restricted", "is_stranger"))
    return UserFacts(
        team=text_at(user, "team_id"),
        name=text_at(user, "profile", "display_name") or text_at(user, "real_name") or text_at(user, "name"),
        email=text_at(user, "profile", "email"),
        email_confirmed=at(user, "is_email_confirmed") is True,
        is_bot=at(user, "is_bot") is not False,
        deleted=at(user, "deleted") is True,
        guest=guest,
    )
