"""The scopes of the Slack app, and what is lost without each (pure); the manifest asks for all of them."""

from collections.abc import Iterable

NEEDED = ("chat:write", "commands")
"""The scopes without which nothing works."""
SCOPES: dict[str, tuple[str, str]] = {
    "app_mentions:read": ("People can mention @Firebell.", "Mentions of @Firebell are not answered."),
    "bookmarks:read": ("Bookmarks are kept up to date.", "Channels get no bookmarks."),
    "bookmarks:write": ("Runbooks are bookmarked.", "Channels get no bookmarks."),
    "channels:history": (
        "Messages can be added to the timeline.",
        "Messages can’t be added to the timeline, and a message may be posted twice after a crash.",
    ),
    "channels:join": ("Firebell joins announcement channels.", "Firebell must be invited to each channel."),
    "channels:manage": ("Incident channels are created and archived.", "Incidents get no channels."),
    "channels:read": ("Channels are found by name.", "A channel may be made twice after a crash."),
    "chat:write": ("Messages are posted.", "Nothing can be posted."),
    "chat:write.public": (
        "Announcements go to any public channel.",
        "Firebell must be invited to announcement channels.",
    ),
    "commands": ("/incident and /page work.", "Commands don’t work."),
    "files:read": ("Files are named in the timeline.", "Files are missing in the timeline."),
    "groups:history": (
        "Messages in private channels can be added.",
        "Messages in private channels can’t be added to the timeline.",
    ),
    "groups:read": ("Private channels are found.", "A private channel may be made twice after a crash."),
    "groups:write": (
        "Security incidents get a private channel.",
        "Security incidents get no private channel.",
    ),
    "im:history": ("People can write to Firebell.", "Direct messages to Firebell are not answered."),
    "pins:read": ("Pins become notes.", "Pins don’t become notes."),
    "pins:write": ("The summary stays pinned.", "The summary is not pinned."),
    "reactions:read": ("Emoji add messages to the timeline.", "Emoji don’t add messages to the timeline."),
    "team:read": ("The workspace has its name.", "The workspace is shown by its id."),
    "users:read": ("People have names.", "People are shown by their ids."),
    "users:read.email": (
        "People are linked by their verified email.",
        "People must link themselves; no one is invited until then.",
    ),
}
OPTIONAL: dict[str, tuple[str, str]] = {
    "usergroups:read": ("On-call groups are kept up to date.", "On-call groups aren’t kept up to date."),
    "usergroups:write": ("On-call groups are kept up to date.", "On-call groups aren’t kept up to date."),
}
"""Scopes of paid plans, which an app can be installed without."""
EVENTS = (
    *("app_home_opened", "app_mention", "app_uninstalled", "tokens_revoked"),
    *("channel_archive", "channel_deleted", "channel_rename", "channel_unarchive"),
    *("group_archive", "group_deleted", "group_rename", "group_unarchive"),
    *("member_joined_channel", "member_left_channel"),
    *("message.channels", "message.groups", "message.im"),
    *("pin_added", "pin_removed", "reaction_added", "reaction_removed", "user_change"),
)


def missing(granted: Iterable[str]) -> list[str]:
    """Return the scopes that an account lacks, the indispensable first."""
    held = set(granted)
    lacking = [scope for scope in (*SCOPES, *OPTIONAL) if scope not in held]
    return sorted(lacking, key=lambda scope: scope not in NEEDED)


def loss(scope: str) -> str:
    """Return what is lost without a scope."""
    return (SCOPES | OPTIONAL)[scope][1]


def gain(scope: str) -> str:
    """Return what a scope is for."""
    return (SCOPES | OPTIONAL)[scope][0]
