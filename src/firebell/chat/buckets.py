"""Token buckets that keep calls within the rates of a chat (spec 8.11); pure, time is a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

HALVED_FOR = timedelta(minutes=5)
"""How long a bucket is refilled at half its rate after the chat refused a call as too fast."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` calls at once, then `per_minute`."""

    per_minute: float
    burst: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """The tokens of one bucket as they were at `at`."""

    rate: Rate
    tokens: float
    at: datetime
    closed_until: datetime | None = None
    halved_until: datetime | None = None

    def _speed(self, now: datetime) -> float:
        """Return the tokens per second from now on."""
        halved = self.halved_until is not None and now < self.halved_until
        return self.rate.per_minute / 60 / (2 if halved else 1)

    def refilled(self, now: datetime) -> "Bucket":
        """Return the bucket with the tokens that it gained until `now`."""
        elapsed_s = max(0.0, (now - self.at).total_seconds())
        tokens = min(float(self.rate.burst), self.tokens + elapsed_s * self._speed(self.at))
        return replace(self, tokens=tokens, at=max(now, self.at))

    def free_at(self, now: datetime) -> datetime:
        """Return the earliest time of the next call, `now` if it may be made at once."""
        filled = self.refilled(now)
        at = now
        if filled.tokens < 1:
            at = now + timedelta(seconds=(1 - filled.tokens) / filled._speed(now))
        return max(at, self.closed_until) if self.closed_until else at


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
            bucket = Bucket(rate, float(rate.burst), now)
        return bucket

    def free_at(self, keys: Sequence[Key], now: datetime) -> datetime:
        """Return when a call that takes a token of each bucket may be made; `now` if at once."""
        return max((self._bucket(key, now).free_at(now) for key in keys), default=now)

    def take(self, keys: Sequence[Key], now: datetime) -> None:
        """Take one token of each bucket; the caller has checked `free_at`."""
        for key in keys:
            filled = self._bucket(key, now).refilled(now)
            self._buckets[key] = replace(filled, tokens=filled.tokens - 1)

    def close(self, key: Key, until: datetime, now: datetime) -> None:
        """Make no call of this bucket before `until`, and halve its rate for five minutes."""
        filled = self._bucket(key, now).refilled(now)
        self._buckets[key] = replace(
            filled, tokens=min(filled.tokens, 1.0), closed_until=until, halved_until=until + HALVED_FOR
        )


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of a chat: of methods, of posts per channel, of edits per object, and of all posts."""

    methods: Mapping[str, Rate]
    default: Rate
    channel: Rate
    account: Rate
    """Posts of one account, in whatever channel."""
    item: Rate = Rate(20, 1)
    """Edits of one object."""

    def of(self, key: Key) -> Rate:
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
