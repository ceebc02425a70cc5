"""An outbound heartbeat, an allowance of codes and an alarm, for the organization with something of everything."""

from datetime import timedelta

from firebell.kit.db.database import Tx
from firebell.notify.hourly_limits import allowance_store
from firebell.notify.hourly_limits.rules import LimitScope
from firebell.self_watch import actions
from firebell.self_watch.model import PingMethod, Problem, ProblemKind
from tests.world import World

SECRET_PATH = "s3cret-path-of-the-heartbeat"


async def add_self_watch(tx: Tx, w: World) -> dict[str, str]:
    """Create an outbound heartbeat and an alarm; return the text that no answer may show."""
    mara = await w.actor(w.mara)
    url = f"https://watch.example.org/{SECRET_PATH}"
    await actions.create_heartbeat(tx, mara, name="Frankfurt", url=url, method=PingMethod.POST, now=w.now)
    scope = LimitScope("country", "SE")
    await allowance_store.put(tx, scope, mara.label, w.now, w.now + timedelta(hours=24))
    problem = Problem(ProblemKind.CHANNEL, "ntfy", "It answered 401.")
    await actions.notice_problems(tx, [problem], w.ctx.channel_settings, w.now)
    return {"outbound heartbeat": SECRET_PATH}
