"""Token buckets that keep calls within the rates of a chat (spec 8.11); pure, time is a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.kit.token_bucket import CallRate, RateBucket, full, per_minute

HALVED_FOR = timedelta(minutes=5)
"""How long a bucket is refilled at half its rate after the chat refused a call as too fast."""


EDITS = per_minute(20, 1)
"""The rate of the edits of one object, unless a chat allows another."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket of a chat's rate, which is halved for a while after the chat refused a call as too fast."""

    rate: CallRate
    tokens: RateBucket
    halved_until: datetime | None = None

    def _rate_at(self, at: datetime) -> CallRate:
        if self.halved_until is None or at >= self.halved_until:
            return self.rate
        return replace(self.rate, per_second=self.rate.per_second / 2)

    def refilled(self, now: datetime) -> "Bucket":
        """Return the bucket with the tokens that it gained until `now`."""
        return replace(self, tokens=self.tokens.refilled(self._rate_at(self.tokens.at), now))

    def free_at(self, now: datetime) -> datetime:
        """Return the earliest time of the next call, `now` if it may be made at once."""
        return self.refilled(now).tokens.free_at(self._rate_at(now), now)


Key = tuple[str, ...]


class Buckets:
    """The buckets of one account, created full when they are first used."""

    def __init__(self, rates: "Rates") -> None:
        self._rates = rates
        self._buckets: dict[Key, Bucket] = {}

    def _bucket(self, key: Key, now: datetime) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            rate = self._rates.of(key)
            bucket = Bucket(rate, full(rate, now))
        return bucket

    def free_at(self, keys: Sequence[Key], now: datetime) -> datetime:
        """Return when a call that takes a token of each bucket may be made; `now` if at once."""
        return max((self._bucket(key, now).free_at(now) for key in keys), default=now)

    def take(self, keys: Sequence[Key], now: datetime) -> None:
        """Take one token of each bucket; the caller has checked `free_at`."""
        for key in keys:
            filled = self._bucket(key, now).refilled(now)
            self._buckets[key] = replace(filled, tokens=filled.tokens.after(filled.rate, now))

    def close(self, key: Key, until: datetime, now: datetime) -> None:
        """Make no call of this bucket before `until`, and halve its rate for five minutes."""
        filled = self._bucket(key, now).refilled(now)
        closed = filled.tokens.closed(filled.rate, until, now)
        self._buckets[key] = replace(filled, tokens=closed, halved_until=until + HALVED_FOR)


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of a chat: of methods, of posts per channel, of edits per object, and of all posts."""

    methods: Mapping[str, CallRate]
    default: CallRate
    channel: CallRate
    account: CallRate
    """Posts of one account, in whatever channel."""
    item: CallRate = EDITS
    """Edits of one object."""

    def of(self, key: Key) -> CallRate:
        """Return the rate of a bucket: ("method", name), ("channel", id), ("object", key) or ("posts",)."""
        match key:
            case ("method", name):
                return self.methods.get(name, self.default)
            case ("channel", *_):
                return self.channel
            case ("object", *_):
                return self.item
            case _:
                return self.account
