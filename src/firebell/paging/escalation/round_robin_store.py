"""The SQL of turns: the people of each policy with round robin by their last turn."""

from collections.abc import Mapping, Sequence

import msgspec

from firebell.kit.db.database import Tx

Orders = dict[int, tuple[int, ...]]
"""By policy, its people by their last turn, earliest first."""


async def orders(tx: Tx, policy_ids: Sequence[int]) -> Orders:
    """Return the order of turns of each policy; empty for one that has had none."""
    rows = await tx.fetch(
        """
        select policy_id, person_ids
        from policy_rotation
        where policy_id = any($1::bigint[])
        """,
        list(policy_ids),
    )
    return {row["policy_id"]: tuple(row["person_ids"]) for row in rows}


async def lock_orders(tx: Tx, policy_ids: Sequence[int]) -> Orders:
    """Return the order of turns of each policy; no other transaction takes a turn in them before this one ends."""
    await tx.execute(
        """
        insert into policy_rotation (policy_id)
        select policy_id
        from unnest($1::bigint[]) rotating (policy_id)
        order by policy_id
        on conflict do nothing
        """,
        sorted(policy_ids),
    )
    rows = await tx.fetch(
        """
        select policy_id, person_ids
        from policy_rotation
        where policy_id = any($1::bigint[])
        order by policy_id
        for update
        """,
        list(policy_ids),
    )
    return {row["policy_id"]: tuple(row["person_ids"]) for row in rows}


async def save_orders(tx: Tx, changed: Mapping[int, Sequence[int]]) -> None:
    """Store the order of turns of locked policies."""
    await tx.execute(
        """
        update policy_rotation
        set person_ids = changed.person_ids::jsonb
        from unnest($1::bigint[], $2::text[]) changed (policy_id, person_ids)
        where policy_rotation.policy_id = changed.policy_id
        """,
        list(changed),
        [msgspec.json.encode(person_ids).decode() for person_ids in changed.values()],
    )


async def delete_order(tx: Tx, policy_id: int) -> None:
    """Delete the order of turns of a deleted policy."""
    await tx.execute("delete from policy_rotation where policy_id = $1", policy_id)
