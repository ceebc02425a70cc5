"""The adapter of Mattermost: one team, through the REST API of its server (api/v4), with the token of a bot."""

from dataclasses import dataclass, replace
from typing import Any

import httpx

from firebell.chat.adapter_base.adapter import Call, CallFailed, Done, Trouble
from firebell.chat.adapter_base.http_calls import call as http_call
from firebell.chat.adapter_base.markdown_text import markdown
from firebell.chat.adapter_base.message_model import clip
from firebell.chat.adapter_base.operations import OpKind
from firebell.chat.adapter_base.rate_buckets import Key, Rates
from firebell.chat.mattermost.action_tokens import SignButton
from firebell.chat.mattermost.attachments import of_content
from firebell.chat.model import Account
from firebell.incidents.channel_names import MATTERMOST_MAX_CHARS
from firebell.kit.token_bucket import per_minute

POST_MAX_CHARS = 16_000
"""Below the server's limit of 16,383 characters."""
HEADER_MAX_CHARS, PURPOSE_MAX_CHARS, NAME_MAX_CHARS = 1024, 250, 64
_FIND_BEFORE_S = 120
RATES = Rates(
    methods={},
    default=per_minute(300, 10),
    channel=per_minute(60, 5),
    account=per_minute(300, 10),
    item=per_minute(60, 3),
)
"""Well below the ten requests a second that a server allows when it limits them."""
_TAKEN = "store.sql_channel.save_channel.exists.app_error"
_ARCHIVED = (
    "api.post.create_post.can_not_post_to_deleted.error",
    "api.channel.update_channel.deleted.app_error",
)


@dataclass(frozen=True, slots=True)
class Buttons:
    """Where presses of buttons are sent, and what signs them."""

    url: str
    sign: SignButton


def _team_id(account: Account) -> str:
    return account.external_id.rpartition("/")[2]


class MattermostClient:
    """Calls of one team. Nothing is retried here: the mirror decides."""

    rates = RATES
    name_max_chars = MATTERMOST_MAX_CHARS

    def __init__(
        self,
        http: httpx.AsyncClient,
        address: str,
        token: str,
        account: Account,
        buttons: Buttons | None = None,
    ) -> None:
        self._http = http
        self._buttons = buttons
        self._base = f"{address.rstrip('/')}/api/v4"
        self._token = token
        self._team = _team_id(account)
        self._bot = account.bot_user
        self._usernames: dict[str, str] = {}

    def buckets(self, kind: OpKind, channel: str, key: str) -> list[Key]:
        """Return the buckets of a call."""
        if kind is OpKind.POST:
            return [("posts",), ("channel", channel)]
        return [("method", kind), *([("object", key)] if kind is OpKind.EDIT else [])]

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            return await http_call(self._http, method, f"{self._base}{path}", body, token=self._token)
        except CallFailed as failure:
            raise _meaning(failure) from failure

    async def run(self, call: Call) -> Done:
        """Make one call; raise `CallFailed`."""
        match call.kind:
            case OpKind.POST:
                body = {"channel_id": call.channel, **await self._post(call)}
                body |= {"root_id": call.thread_ts} if call.thread_ts else {}
                answer = await self._call("POST", "/posts", body)
                return Done(ts=answer["id"], channel=call.channel)
            case OpKind.EDIT:
                await self._message(call, "PUT", f"/posts/{call.ts}/patch", await self._post(call))
                return Done(ts=call.ts, channel=call.channel)
            case OpKind.DELETE:
                try:
                    await self._message(call, "DELETE", f"/posts/{call.ts}")
                except CallFailed as failure:
                    if failure.trouble is not Trouble.MESSAGE_GONE:
                        raise
            case OpKind.PIN:
                await self._message(call, "POST", f"/posts/{call.ts}/pin")
            case OpKind.CREATE_ROOM:
                return await self._create(call)
            case OpKind.RENAME:
                answer = await self._call(
                    "PUT", f"/channels/{call.channel}/patch", {"name": call.name, "display_name": call.name}
                )
                return Done(name=str(answer.get("name", call.name)))
            case OpKind.TOPIC:
                header = clip(call.value[0], HEADER_MAX_CHARS)
                await self._call("PUT", f"/channels/{call.channel}/patch", {"header": header})
            case OpKind.PURPOSE:
                purpose = clip(call.value[0], PURPOSE_MAX_CHARS)
                await self._call("PUT", f"/channels/{call.channel}/patch", {"purpose": purpose})
            case OpKind.FIND_MEMBER:
                return await self._member(call)
            case OpKind.INVITE:
                for user in call.value:
                    await self._call("POST", f"/channels/{call.channel}/members", {"user_id": user})
            case OpKind.REMOVE:
                await self._remove(call)
            case OpKind.ARCHIVE:
                await self._call("DELETE", f"/channels/{call.channel}")
            case _:
                raise CallFailed(Trouble.SKIPPED, f"{call.kind} is not possible")
        return Done()

    async def _post(self, call: Call) -> dict[str, Any]:
        assert call.content
        mentions = [name for user in call.content.mentions if (name := await self._username(user))]
        content = replace(call.content, mentions=tuple(mentions))
        text = content.text if call.plain else markdown(content, POST_MAX_CHARS)
        props: dict[str, Any] = {"firebell": {"key": call.key, "nonce": call.nonce}}
        if self._buttons and not call.plain:
            props["attachments"] = of_content(content, self._buttons.url, self._buttons.sign)
        return {"message": text or "Firebell", "props": props}

    async def _username(self, user: str) -> str:
        """Return the name by which a user is mentioned, empty if the server does not know them."""
        if user not in self._usernames:
            try:
                answer = await self._call("GET", f"/users/{user}")
            except CallFailed as failure:
                if failure.trouble is not Trouble.REFUSED:
                    raise
                answer = {}
            self._usernames[user] = str(answer.get("username", ""))
        return self._usernames[user]

    async def _message(
        self, call: Call, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call something about a message that may have been deleted."""
        try:
            return await self._call(method, path, body)
        except CallFailed as failure:
            if failure.trouble is Trouble.REFUSED:
                raise CallFailed(Trouble.MESSAGE_GONE, failure.code) from failure
            raise

    async def _create(self, call: Call) -> Done:
        body = {
            "team_id": self._team,
            "name": call.name,
            "display_name": clip(call.name, NAME_MAX_CHARS),
            "type": "P" if call.private else "O",
        }
        try:
            answer = await self._call("POST", "/channels", body)
        except CallFailed as failure:
            if failure.trouble is Trouble.SKIPPED:
                raise CallFailed(Trouble.NO_ROOMS, failure.code) from failure
            raise
        return Done(channel=answer["id"], name=answer["name"])

    async def _remove(self, call: Call) -> None:
        try:
            await self._call("DELETE", f"/channels/{call.channel}/members/{call.value[0]}")
        except CallFailed as failure:
            # 404: the user is not in the channel, or no longer exists
            if failure.trouble is Trouble.SKIPPED:
                raise CallFailed(Trouble.REFUSED, failure.code) from failure
            if failure.trouble is not Trouble.REFUSED:
                raise

    async def _member(self, call: Call) -> Done:
        try:
            user = await self._call("GET", f"/users/email/{call.value[0]}")
        except CallFailed as failure:
            if failure.trouble is Trouble.REFUSED:
                raise CallFailed(Trouble.SKIPPED, "user_not_found") from failure
            raise
        if user.get("delete_at") or user.get("is_bot") or not user.get("email_verified", True):
            raise CallFailed(Trouble.SKIPPED, "user_not_verified")
        return Done(ts=user["id"])

    async def find(self, call: Call) -> Done | None:
        """Return what a call of unknown outcome made, None if it made nothing."""
        since_s = int(call.since.timestamp()) - _FIND_BEFORE_S if call.since else 0
        if call.kind is OpKind.FIND_ROOM:
            return await self._find_room(call, since_s)
        answer = await self._call("GET", f"/channels/{call.channel}/posts?since={since_s * 1000}")
        hits = []
        for post in (answer.get("posts") or {}).values():
            mark = (post.get("props") or {}).get("firebell") or {}
            if (
                post.get("delete_at")
                or post.get("user_id") != self._bot
                or post["create_at"] < since_s * 1000
            ):
                continue
            if mark.get("nonce") == call.nonce or mark.get("key") == call.key:
                hits.append((mark.get("nonce") != call.nonce, post["create_at"], post["id"]))
        if not hits:
            return None
        hits.sort()
        for _, _, duplicate in hits[1:]:
            await self._call("DELETE", f"/posts/{duplicate}")
        return Done(ts=hits[0][2], channel=call.channel)

    async def _find_room(self, call: Call, since_s: int) -> Done | None:
        try:
            channel = await self._call("GET", f"/teams/{self._team}/channels/name/{call.name}")
        except CallFailed as failure:
            if failure.trouble is Trouble.REFUSED:
                return None
            raise
        is_ours = channel.get("creator_id") == self._bot and channel.get("create_at", 0) >= since_s * 1000
        return Done(channel=channel["id"], name=channel["name"]) if is_ours else None


def _meaning(failure: CallFailed) -> CallFailed:
    """Return the failure by the server's own ids of errors."""
    if failure.code == _TAKEN or "channel.exists" in failure.code:
        return CallFailed(Trouble.TAKEN, failure.code)
    if failure.code in _ARCHIVED:
        return CallFailed(Trouble.ROOM_GONE, failure.code)
    return failure


async def probe(http: httpx.AsyncClient, address: str, token: str, team: str) -> tuple[str, str, str]:
    """Return the bot's user id, the id and the name of the team; raise `CallFailed`."""
    base = f"{address}/api/v4"
    me = await http_call(http, "GET", f"{base}/users/me", token=token)
    joined_team = await http_call(http, "GET", f"{base}/teams/name/{team}", token=token)
    if "id" not in me or "id" not in joined_team:
        raise CallFailed(Trouble.UNKNOWN, "no_answer")
    return str(me["id"]), str(joined_team["id"]), str(joined_team.get("display_name") or team)
