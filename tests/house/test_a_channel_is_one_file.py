"""A channel is one file in `channels/`: nothing else in the product names it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from firebell.channels.registry import CHANNELS
from firebell.notify.deliveries.store import LEASE
from tests.house.source import ROOT, SRC, modules

PIGEON = '''
"""Pigeons that carry messages to a loft."""

from pathlib import Path

from firebell.channels.base import Accepted, Channel, MessageLimits, Setting
from firebell.kit.errors import Invalid
from firebell.kit.findings import CheckResult


class Pigeons:
    """Writes each message to a file in the loft."""

    def __init__(self, loft):
        self.loft = Path(loft)

    async def send(self, address, message, key):
        (self.loft / key).write_text(f"{address} {message.recipient}: {message.subject}")
        return Accepted(key)


def check_address(address):
    if address.strip().isdigit():
        return address.strip()
    raise Invalid("Not the number of a ring.", fields={"address": "Enter the number on the ring."})


async def check_health(http, settings, addresses):
    return [CheckResult("pigeons", "ok", f"Rings in use: {len(addresses or ())}.")]


CHANNEL = Channel(
    kind="pigeon",
    label="Carrier pigeon",
    icon="smartphone",
    address_label="Ring number",
    address_help="the number of a ring",
    limits=MessageLimits(title=50, text=200, whole=250),
    open=lambda edges: Pigeons(edges.settings["FIREBELL_PIGEON_LOFT"]),
    check_address=check_address,
    settings=(Setting("FIREBELL_PIGEON_LOFT"),),
    check_health=check_health,
)
'''
USE = """
import asyncio, json, sys
from datetime import UTC, datetime

import httpx
from click.testing import CliRunner

import firebell
from firebell import app
from firebell.commands.contact import contact
from firebell.commands.doctor import check_channels
from firebell.kit.clock import FakeClock
from firebell.settings import load
from tests.api.api_clients import sign_in
from tests.world import world


async def main(dsn):
    used = {"source": firebell.__file__, "help": CliRunner().invoke(contact, ["add", "--help"]).output}
    channels = load().channels
    clock = FakeClock(datetime(2026, 11, 24, 3, 14, tzinfo=UTC))
    async with world(dsn, clock, channel_settings=channels) as w:
        transport = httpx.ASGITransport(app=app.build(w.ctx))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
            csrf = await sign_in(w, http, w.mara)
            form = {"csrf": csrf, "kind": "pigeon", "address": "no ring", "label": ""}
            used["refused"] = (await http.post("/settings/contact", data=form)).status_code
            form["address"] = "4711"
            await http.post("/settings/contact", data=form)
            used["page"] = (await http.get("/settings/contact")).text
            used["openapi"] = (await http.get("/api/v1/openapi.json")).text
            used["method"] = (await http.get("/api/v1/me/contact-methods")).json()[-1]
        await w.alert("disk full")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            sent = await tx.fetch("select subject_kind, state from delivery where channel = 'pigeon'")
            used["states"] = [(delivery["subject_kind"], delivery["state"]) for delivery in sent]
    used["doctor"] = [f.text for f in await check_channels(load(), {"pigeon": ["4711"]})]
    print(json.dumps(used))


asyncio.run(main(sys.argv[1]))
"""


def test_a_new_channel_is_offered_checked_and_sent_to(dsn: str, tmp_path: Path) -> None:
    tree, loft = tmp_path / "tree", tmp_path / "loft"
    loft.mkdir()
    # with what is compiled, but not the files from which another process is about to rename it
    shutil.copytree(SRC, tree / "src/firebell", ignore=shutil.ignore_patterns("*.pyc.*"))
    shutil.copytree(ROOT / "skills", tree / "skills")
    (tree / "src/firebell/channels/pigeon.py").write_text(PIGEON)
    (tmp_path / "use.py").write_text(USE)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tree / 'src'}{os.pathsep}{ROOT}",
        "FIREBELL_PIGEON_LOFT": str(loft),
    }
    run = subprocess.run(
        [sys.executable, str(tmp_path / "use.py"), dsn],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    used = json.loads(run.stdout.splitlines()[-1])
    assert used["source"].startswith(str(tree))
    assert "pigeon" in used["help"]
    assert used["refused"] == 422
    assert "Carrier pigeon" in used["page"]
    assert "the number of a ring" in used["page"]
    assert '"pigeon"' in used["openapi"]
    assert (used["method"]["kind"], used["method"]["address"]) == ("pigeon", "4711")
    assert "Rings in use: 1." in used["doctor"]
    assert sorted(used["states"]) == [["page", "accepted"], ["verification", "accepted"]]
    messages = [path.read_text() for path in loft.iterdir()]
    assert len(messages) == 2
    assert any(message.startswith("4711 Mara Lindqvist: [PG-1]") for message in messages)


def test_an_attempt_ends_before_its_lease() -> None:
    # after the lease another process begins the same attempt
    assert max(channel.attempt_limit_s for channel in CHANNELS.values()) < LEASE.total_seconds()


def test_no_other_module_lists_the_channels() -> None:
    kinds = {"email", "ntfy", "webhook"}
    listing = [
        path.relative_to(SRC).as_posix()
        for path, tree in modules()
        if "channels" not in path.parts and kinds <= _texts(path)
    ]
    assert listing == []


def _texts(path: Path) -> set[str]:
    return {word for word in ("email", "ntfy", "webhook") if f'"{word}"' in path.read_text()}
