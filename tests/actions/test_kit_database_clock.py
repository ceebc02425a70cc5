"""The clock that follows the database: when it measures again, and what does not change it."""

from datetime import UTC, datetime, timedelta

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Db
from firebell.kit.db.database_clock import MEASURE_EVERY_S, DatabaseClock
from tests.rules.test_kit_process_health import Seconds


async def test_the_clock_follows_the_database_whatever_the_machine_says(db: Db) -> None:
    machine, seconds = FakeClock(datetime.now(UTC) + timedelta(minutes=6)), Seconds()
    clock = DatabaseClock(machine, seconds)
    assert clock.stale()
    await clock.measure(db)
    assert not clock.stale()
    assert timedelta(minutes=5) < clock.offset < timedelta(minutes=7)
    measured = clock.now()
    assert abs(datetime.now(UTC) - measured) < timedelta(seconds=30)
    machine.advance(timedelta(hours=1))  # someone sets the clock
    assert clock.now() == measured
    assert clock.stale()
    seconds.passed += 7
    assert clock.now() == measured + timedelta(seconds=7)


async def test_it_is_measured_again_every_minute(db: Db, caplog: pytest.LogCaptureFixture) -> None:
    machine, seconds = FakeClock(datetime.now(UTC)), Seconds()
    clock = DatabaseClock(machine, seconds)
    await clock.measure(db)
    machine.advance(timedelta(seconds=MEASURE_EVERY_S))
    seconds.passed += MEASURE_EVERY_S
    assert not clock.stale()
    machine.advance(timedelta(seconds=0.5))
    seconds.passed += 0.5
    assert clock.stale()
    # a minute went by on the machine, and none for the database: someone has set its clock back
    assert not caplog.records
    await clock.measure(db)
    assert not clock.stale()
    [warning] = [record for record in caplog.records if hasattr(record, "by_s")]
    assert 55 < warning.by_s < 65
