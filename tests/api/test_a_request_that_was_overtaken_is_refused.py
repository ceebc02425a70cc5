"""What a request refers to can be deleted while it is stored: that is refused as a conflict, not a server error."""

import asyncio

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from firebell.paging.model import Level, Target, TargetKind
from tests.api.api_clients import organization
from tests.lock_waits import until_blocked


async def test_a_service_does_not_get_a_policy_that_is_deleted_at_that_moment(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            levels = (Level((Target(TargetKind.PERSON, w.mara),)),)
            policy = await paging.create_policy(tx, mara, name="Short", team_id=1, levels=levels, now=w.now)
        async with w.ctx.db.tx() as tx:
            await paging.delete_policy(tx, mara, policy, w.now)
            saving = asyncio.create_task(
                api("PATCH", "/services/checkout", {"policy_id": policy.id}, status=409)
            )
            await until_blocked(w.ctx.db, saving)
        assert (await saving)["type"] == "urn:firebell:problem:conflict"
        assert (await api("GET", "/services/checkout"))["policy_id"] == 1
