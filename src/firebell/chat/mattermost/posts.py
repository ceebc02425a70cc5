"""What happened in a channel of Mattermost, from the posts that changed (pure).

One request returns every post that was written, edited, pinned, deleted or reacted to since an instant, and posts of
the system say who joined or left and what people changed. Reading it again after a gap is therefore all that is needed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from firebell.chat.intents.captured_messages import kind_of_emoji

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PostKind(StrEnum):
    """What a post is about."""

    MESSAGE = "message"
    JOINED = "joined"
    LEFT = "left"
    RENAMED = "renamed"
    TOPIC = "topic"
    PURPOSE = "purpose"
    ARCHIVED = "archived"
    OTHER = "other"


_KINDS = {
    "": PostKind.MESSAGE,
    "me": PostKind.MESSAGE,
    "system_join_channel": PostKind.JOINED,
    "system_add_to_channel": PostKind.JOINED,
    "system_leave_channel": PostKind.LEFT,
    "system_remove_from_channel": PostKind.LEFT,
    "system_displayname_change": PostKind.RENAMED,
    "system_header_change": PostKind.TOPIC,
    "system_purpose_change": PostKind.PURPOSE,
    "system_channel_deleted": PostKind.ARCHIVED,
}


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji that means a kind of entry, and who added it."""

    user: str
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """A post in a channel; `user` wrote it or did what it says to `subject`."""

    id: str
    kind: PostKind
    user: str
    subject: str
    text: str
    created_at: datetime
    updated_at: datetime
    is_deleted: bool = False
    is_edited: bool = False
    is_pinned: bool = False
    is_automated: bool = False
    reactions: tuple[Reaction, ...] = ()
    """Those that mean something, earliest first."""
    files: tuple[Mapping[str, Any], ...] = ()


def instant(millis: Any) -> datetime:
    """Return the instant of milliseconds since 1970; the epoch for anything else."""
    is_number = isinstance(millis, int) and not isinstance(millis, bool) and 0 <= millis < 10**14
    return _EPOCH + timedelta(milliseconds=millis) if is_number else _EPOCH


def millis(at: datetime) -> int:
    """Return an instant as milliseconds since 1970."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def read_posts(answer: Mapping[str, Any], channel: str) -> list[Post]:
    """Return the posts of a channel in the order in which they changed."""
    posts = answer.get("posts")
    listed = posts.values() if isinstance(posts, dict) else ()
    read = [_post(each) for each in listed if isinstance(each, dict) and each.get("channel_id") == channel]
    return sorted(read, key=lambda post: (post.updated_at, post.id))


def _post(data: Mapping[str, Any]) -> Post:
    props = data.get("props") if isinstance(data.get("props"), dict) else {}
    metadata = data.get("metadata") if isinstance(data.get("metadata"), dict) else {}
    assert isinstance(props, dict)
    assert isinstance(metadata, dict)
    kind = _KINDS.get(_text(data, "type"), PostKind.OTHER)
    user = _text(data, "user_id")
    subject = _text(props, "addedUserId") or _text(props, "removedUserId") or user
    return Post(
        id=_text(data, "id"),
        kind=kind,
        user=user,
        subject=subject,
        text=_text(props, "new_displayname") if kind is PostKind.RENAMED else _text(data, "message"),
        created_at=instant(data.get("create_at")),
        updated_at=instant(data.get("update_at")),
        is_deleted=bool(data.get("delete_at")),
        is_edited=bool(data.get("edit_at")),
        is_pinned=data.get("is_pinned") is True,
        is_automated=str(props.get("from_webhook") or props.get("from_bot") or "") == "true",
        reactions=tuple(_reactions(metadata.get("reactions"))),
        files=tuple(_files(metadata.get("files"))),
    )


def _reactions(data: Any) -> Iterable[Reaction]:
    listed = [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    for each in sorted(listed, key=lambda reaction: instant(reaction.get("create_at"))):
        kind = kind_of_emoji(_text(each, "emoji_name"))
        if kind is not None:
            yield Reaction(_text(each, "user_id"), kind, instant(each.get("create_at")))


def _files(data: Any) -> Iterable[Mapping[str, Any]]:
    for each in data if isinstance(data, list) else []:
        if isinstance(each, dict):
            yield {
                "name": _text(each, "name"),
                "type": _text(each, "mime_type"),
                "size": each.get("size") if isinstance(each.get("size"), int) else 0,
            }


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""
