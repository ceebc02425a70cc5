"""How many connections a pool has open, for those who watch it."""

from dataclasses import dataclass

import asyncpg


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """How many connections a pool may open, and how many of the open ones are used and idle."""

    limit: int
    used: int
    idle: int

    @classmethod
    def of(cls, pool: asyncpg.Pool) -> "PoolUsage":
        """Return the usage of a pool now."""
        size, idle = pool.get_size(), pool.get_idle_size()
        return cls(limit=pool.get_max_size(), used=size - idle, idle=idle)
