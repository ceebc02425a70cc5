"""Which inbound connections are closed when there are too many, and how descriptors are divided."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.file_descriptors import budget
from firebell.kit.web.connections import ConnectionLimits, Register, Waiting, victims


@given(st.integers(64, 2_000_000))
def test_half_of_what_is_reserved_stays_free_even_when_a_whole_backlog_is_accepted(limit: int) -> None:
    division = budget(limit)
    assert division.connections > 0
    assert division.backlog >= 16
    reserved = min(512, limit // 2)
    assert limit - division.connections >= reserved
    assert limit - division.connections - division.backlog >= reserved // 2


addresses = st.sampled_from(["198.51.100.1", "198.51.100.2", "198.51.100.3"])
waiting = st.lists(st.builds(Waiting, addresses, st.floats(0, 1000)), max_size=60)


@given(waiting, st.integers(1, 10))
def test_the_address_with_the_most_loses_its_oldest(connections: list[Waiting], count: int) -> None:
    closed = victims(connections, count)
    counts = [sum(c.address == a for c in connections) for a in {c.address for c in connections}]
    assert len(closed) == min(count, max(counts, default=0))
    if closed:
        (address,) = {connections[i].address for i in closed}
        assert sum(c.address == address for c in connections) == max(counts)
        kept = [c.since for i, c in enumerate(connections) if c.address == address and i not in closed]
        assert max(connections[i].since for i in closed) <= min(kept, default=1000)


@dataclass(eq=False)
class Fake:
    address: str
    since: float
    busy: bool = False
    closed: str = ""
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)

    def waiting(self) -> Waiting | None:
        return None if self.busy else Waiting(self.address, self.since)

    def overdue(self, now: float) -> bool:
        return now - self.since > 10

    def expire(self) -> None:
        self.closed = "expired"

    def abort(self) -> None:
        self.closed = "aborted"


def test_a_client_that_floods_closes_its_own_connections_and_never_one_that_is_served() -> None:
    register = Register(ConnectionLimits(connections=100))
    served = Fake("10.0.0.1", 0, busy=True)
    quiet = Fake("10.0.0.2", 0)
    assert register.admit(served)
    assert register.admit(quiet)
    flood = [Fake("198.51.100.1", i) for i in range(1000)]
    assert all(register.admit(connection) for connection in flood)
    assert len(register) <= 100
    assert (served.closed, quiet.closed) == ("", "")
    assert flood[-1].closed == ""


def test_when_all_are_served_a_new_one_is_refused() -> None:
    register = Register(ConnectionLimits(connections=3))
    assert all(register.admit(Fake("10.0.0.1", 0, busy=True)) for _ in range(3))
    assert not register.admit(Fake("10.0.0.2", 1))


def test_what_was_closed_to_make_room_is_reported_once_a_minute_with_a_count() -> None:
    reports: list[int] = []
    register = Register(ConnectionLimits(connections=1), reports.append)
    for second in range(180):
        register.admit(Fake("10.0.0.1", second))
        register.sweep(second)
    assert len(reports) == 3
    assert sum(reports) == pytest.approx(179, abs=60)
