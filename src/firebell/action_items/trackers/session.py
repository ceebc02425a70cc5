"""Calls of one tracker: each within the rate of its token, and a write only while the lease holds.

A session asks for its token with its first call, so that a token that can't be had fails as a call does.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from firebell.action_items.trackers import access_tokens, store
from firebell.action_items.trackers.model import AuthMethod, Tracker
from firebell.action_items.trackers.vendor import (
    Answer,
    Call,
    CallFailed,
    Outcome,
    Tagged,
    TrackerVendor,
    lost,
)
from firebell.action_items.trackers.vendor_registry import vendor_of
from firebell.kit import http_out
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.token_bucket import CallRate, full

CALL_LIMIT_S = 20.0
MAX_ANSWER_BYTES = 8 * 2**20
"""A list of 100 issues with their texts."""
CLOSED_FOR_S = 60.0
"""How long a token rests after a refusal for too many calls that names no time."""
CLOSED_AT_MOST_S = 3600.0
ETAG_MAX_CHARS = 1000
"""A longer one is not kept, so that the next read is not conditional."""


class LeaseLost(Exception):  # noqa: N818 - not an error: another process continues
    """Another process may call this tracker by now."""


class Session:
    """Makes the calls of one turn. Without `holder`, a person asked for them and no lease is needed."""

    def __init__(self, ctx: Context, tracker: Tracker, holder: str = "") -> None:
        self._ctx = ctx
        self._token = ""
        self._holder = holder
        self.tracker = tracker
        self.vendor: TrackerVendor = vendor_of(tracker.kind)

    @property
    def now(self) -> datetime:
        """The current instant."""
        return self._ctx.clock.now()

    async def call(self, call: Call) -> Any:
        """Make a call and return its document; raise `CallFailed` for every outcome but `ok`."""
        if not self._token:
            self._token = await access_tokens.usable(self._ctx, self.tracker)
        await self._reserve(is_write=call.is_write)
        answer = await self._ask(call)
        if answer.outcome is Outcome.TOKEN_REFUSED and self.tracker.auth is not AuthMethod.TOKEN:
            # revoked before its end: nothing was done, so another token may try the same
            self._token = await access_tokens.usable(self._ctx, self.tracker, refused=self._token)
            async with self._ctx.work_db.tx() as tx:
                await self._check_lease(tx, is_write=call.is_write)
            answer = await self._ask(call)
        if answer.outcome is Outcome.TOO_FAST or answer.after_s is not None:
            await self._close(answer.after_s)
        if answer.outcome is Outcome.UNCHANGED and self.vendor.unchanged_is_free:
            await self._give_back()
        if answer.outcome is not Outcome.OK:
            if answer.outcome is not Outcome.UNCHANGED:
                self._ctx.counters.tracker_errors[str(self.tracker.id), str(answer.outcome)] += 1
            raise CallFailed(answer)
        return answer.document

    def _rate(self, *, is_write: bool) -> tuple[str, CallRate]:
        return ("write", self.vendor.write_rate) if is_write else ("read", self.vendor.read_rate)

    async def _reserve(self, *, is_write: bool) -> None:
        """Take a token of the bucket; raise `CallFailed` before the call if there is none."""
        now = self.now
        kind, rate = self._rate(is_write=is_write)
        async with self._ctx.work_db.tx() as tx:
            await self._check_lease(tx, is_write=is_write)
            bucket = await store.lock_rate(tx, self.tracker.key_hash, kind, full(rate, now))
            reserved, free_at = bucket.reserved(rate, now)
            if is_write and free_at <= now:
                pause = timedelta(seconds=self.vendor.write_pause_s)
                reserved = replace(reserved, closed_until=now + pause)
            await store.save_rate(tx, self.tracker.key_hash, kind, reserved)
        if free_at > now:
            wait_s = (free_at - now).total_seconds()
            reason = "The token’s rate limit is used up."
            raise CallFailed(Answer(Outcome.TOO_FAST, reason=reason, after_s=wait_s))

    async def _check_lease(self, tx: Tx, *, is_write: bool) -> None:
        """Raise `LeaseLost` before a write unless the lease lasts as long as the call may."""
        if is_write and self._holder:
            until = self.now + timedelta(seconds=CALL_LIMIT_S)
            if not await store.holds_lease(tx, self.tracker.id, self._holder, until):
                raise LeaseLost

    async def _give_back(self) -> None:
        """Give back the token of a read that cost the tracker's rate nothing."""
        now, rate = self.now, self.vendor.read_rate
        async with self._ctx.work_db.tx() as tx:
            bucket = await store.lock_rate(tx, self.tracker.key_hash, "read", full(rate, now))
            await store.save_rate(tx, self.tracker.key_hash, "read", bucket.given_back(rate, now))

    async def _close(self, after_s: float | None) -> None:
        """Let the token rest after its last call in this period, or after the tracker refused one too many."""
        now = self.now
        until = now + timedelta(
            seconds=min(CLOSED_FOR_S if after_s is None else max(after_s, 1.0), CLOSED_AT_MOST_S)
        )
        async with self._ctx.work_db.tx() as tx:
            await close(tx, self.tracker, self.vendor, until, now)

    async def _ask(self, call: Call) -> Answer:
        """Make one call; never raises for what the network or the tracker does."""
        query = f"?{urlencode(call.query)}" if call.query else ""
        content = {} if call.body is None else {"json": call.body}
        headers = dict(self.vendor.api.headers(self.tracker, self._token))
        if call.etag:
            headers["If-None-Match"] = call.etag
        try:
            response = await http_out.send(
                self._ctx.http,
                call.method,
                f"{self.vendor.api.address(self.tracker)}{call.path}{query}",
                limit_s=CALL_LIMIT_S,
                max_bytes=MAX_ANSWER_BYTES,
                headers=headers,
                **content,
            )
        except http_out.NEVER_SENT as error:
            return Answer(Outcome.RETRY, reason=http_out.reason_of(error))
        except httpx.HTTPError as error:
            return lost(http_out.reason_of(error), is_write=call.is_write)
        answer = self.vendor.api.answer(
            response.status, response.headers, response.text, self.now, is_write=call.is_write
        )
        if answer.outcome is Outcome.UNCHANGED and not call.etag:
            return lost("304 without a condition", is_write=call.is_write)
        if answer.outcome is Outcome.OK and call.etag is not None:
            etag = response.headers.get("etag", "")
            tagged = Tagged(answer.document, etag if len(etag) <= ETAG_MAX_CHARS else "")
            return replace(answer, document=tagged)
        return answer


async def close(tx: Tx, tracker: Tracker, vendor: TrackerVendor, until: datetime, now: datetime) -> None:
    """Make no call with the token of a tracker before `until`."""
    for kind, rate in (("read", vendor.read_rate), ("write", vendor.write_rate)):
        bucket = await store.lock_rate(tx, tracker.key_hash, kind, full(rate, now))
        await store.save_rate(tx, tracker.key_hash, kind, bucket.closed(rate, until, now))
