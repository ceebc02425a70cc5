"""The lane that records that Firebell receives pings, so that its own outage is never taken for silence."""

from datetime import datetime, timedelta

from firebell.heartbeats import actions
from firebell.kit.context import Context
from firebell.kit.db.migrate import fence

INTERVAL = timedelta(seconds=10)


class ReceptionRecorder:
    """Records every ten seconds that this process and its database run, while there are heartbeats."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.upcoming: datetime | None = None
        self.is_unused = False

    async def run_once(self, now: datetime) -> int:
        """Record reception if it is time; there is never more to do."""
        # a clock that was set back must not stop the lane
        if self.upcoming is not None and now < self.upcoming <= now + INTERVAL:
            return 0
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            self.is_unused = not await actions.record_reception(tx, now)
        self.upcoming = None if self.is_unused else now + INTERVAL
        return 0
