"""Post-mortems at Statuspage.io: a draft that is stored, then published (pure; spec 7.17)."""

from typing import Any

from firebell.kit.json_documents import text_of
from firebell.status_copies.model import Post, RemoteCall, RemotePostmortem
from firebell.status_copies.text_limits import BODY_MAX_CHARS, cut_at_sentence


class StatuspagePostmortems:
    """The post-mortems of the incidents of a page."""

    def __init__(self, link: str) -> None:
        self._link = link

    def read_call(self, page: str, remote_id: str) -> RemoteCall:
        return RemoteCall("GET", _path(page, remote_id))

    def postmortem(self, document: Any) -> RemotePostmortem:
        if not isinstance(document, dict):
            return RemotePostmortem("", "")
        is_published = bool(text_of(document, "published_at"))
        return RemotePostmortem(
            text_of(document, "body_draft"), text_of(document, "body") if is_published else ""
        )

    def text_of(self, post: Post) -> str:
        return cut_at_sentence(post.body, BODY_MAX_CHARS, self._link)

    def draft_call(self, page: str, remote_id: str, post: Post) -> RemoteCall:
        body = {"body_draft": self.text_of(post)}
        return RemoteCall("PUT", _path(page, remote_id), {"postmortem": body})

    def publish_call(self, page: str, remote_id: str, post: Post) -> RemoteCall:
        body = {"notify_subscribers": post.notifies, "notify_twitter": False}
        return RemoteCall("PUT", f"{_path(page, remote_id)}/publish", {"postmortem": body})


def _path(page: str, remote_id: str) -> str:
    return f"/pages/{page}/incidents/{remote_id}/postmortem"
