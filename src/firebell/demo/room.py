"""The room of the demo's open incident: a chart, a log, a correction, key moments and tasks."""

import binascii
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.demo.history import Past
from firebell.incident_tasks import actions as tasks
from firebell.incident_tasks.model import TaskState
from firebell.incidents import actions as incidents
from firebell.incidents.model import CAUSE_KNOWN
from firebell.incidents.timeline import entry_actions
from firebell.incidents.timeline.attachment_types import NewFile
from firebell.kit.db.database import Tx

ERROR_SHARES = (0, 0, 1, 0, 4, 14, 17, 18, 18, 17, 18, 18, 17, 18, 15, 12, 11, 11)
"""Percent of card payments that failed, every three minutes."""
_LOG = """02:58:11 gateway-2 WARN  pool exhausted, waiting 1500 ms
02:58:12 gateway-2 ERROR upstream ledger-db-1: connection refused
02:58:12 gateway-4 ERROR upstream ledger-db-1: connection refused
02:58:14 gateway-4 WARN  retry 3 of 3, giving up
"""


def bar_chart(values: Sequence[int], width: int = 20, height: int = 120) -> bytes:
    """Return a PNG of one bar for each value from 0 to 20, red on white, without compression."""
    rows = []
    for y in range(height):
        row = bytearray(1)
        for value in values:
            is_bar = height - y <= value * (height - 10) // 20
            row += bytes([is_bar]) * (width - 3) + bytes(3)
        rows.append(bytes(row))
    pixels = b"".join(rows)
    header = struct.pack(">IIBBBBB", width * len(values), height, 8, 3, 0, 0, 0)
    stored = struct.pack("<BHH", 1, len(pixels), len(pixels) ^ 0xFFFF) + pixels
    data = b"\x78\x01" + stored + struct.pack(">I", _adler32(pixels))
    palette = b"\xfa\xfa\xf9\xb9\x1c\x1c"
    parts = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", binascii.crc32(kind + content))
        for kind, content in parts
    )


def _adler32(data: bytes) -> int:
    """Return the checksum that a PNG needs of its pixels."""
    low, high = 1, 0
    for byte in data:
        low = (low + byte) % 65521
        high = (high + low) % 65521
    return high << 16 | low


async def _entry_id(tx: Tx, incident_id: int, start: str) -> int:
    return next(e.id for e in await incidents.timeline(tx, incident_id) if e.text.startswith(start))


async def keep_the_timeline(past: Past, incident_id: int, now: datetime) -> None:
    """Attach a chart and a log, correct a finding, strike a wrong note and mark two key moments."""
    mara, jun, tomas = (past.kestrel.actor(name) for name in ("Mara", "Jun", "Tomás"))
    async with past.ctx.db.tx() as tx:
        finding = await _entry_id(tx, incident_id, "Errors started 4 min after")
        text = "Errors started right after build 4812. The card tokenizer holds connections to a replica that is rebuilding."
        await entry_actions.edit_entry(tx, jun, incident_id, finding, text, 1, now)
        await entry_actions.mark_key_moment(tx, mara, incident_id, finding, CAUSE_KNOWN, now)
        decision = await _entry_id(tx, incident_id, "Fail over to ledger-db-2")
        await entry_actions.mark_key_moment(tx, mara, incident_id, decision, "", now)
        wrong = await incidents.add_entry(
            tx,
            jun,
            incident_id,
            "note",
            "Tokenizer pods are out of memory.",
            now,
            effective_at=now - timedelta(minutes=20),
        )
        await entry_actions.strike_entry(tx, jun, incident_id, wrong, "That was the staging cluster.", now)
        files = [
            NewFile("card-errors.png", bar_chart(ERROR_SHARES)),
            NewFile("gateway-errors.log", _LOG.encode()),
        ]
        shown = await incidents.add_entry(
            tx,
            tomas,
            incident_id,
            "finding",
            "Share of failed card payments, and what the gateway logs.",
            now,
        )
        await entry_actions.attach(tx, tomas, incident_id, shown, files, now)


async def share_the_work(past: Past, incident_id: int, now: datetime) -> None:
    """Add tasks: one done, one due soon, one of the commander, and a follow-up."""
    mara, people = past.kestrel.actor("Mara"), past.kestrel.people
    async with past.ctx.db.tx() as tx:
        for text, owner, minutes, state in (
            ("Freeze deploys to payments", "Jun Okafor", -20, TaskState.DONE),
            ("Recycle the tokenizer pool", "Tomás Rivera", 25, TaskState.OPEN),
            ("Tell support what customers see", "Mara Lindqvist", 18, TaskState.OPEN),
            ("Alert on pool saturation", "Tomás Rivera", 60 * 24 * 7, TaskState.FOLLOW_UP),
        ):
            due_at = now + timedelta(minutes=minutes)
            task = await tasks.add_task(
                tx, mara, incident_id, text, now, owner_id=people[owner], due_at=due_at
            )
            await tasks.set_task_state(tx, mara, incident_id, task.id, state, now)
