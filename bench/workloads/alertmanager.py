"""W18: W1 beside Debian's Alertmanager, which notifies by webhook for each alert and keeps alerts in memory only."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import process_stats
from bench.load_runner import HERE, Load, Sink, free_port, load, sink
from bench.product import product
from bench.result import Result, check, number

CONNECTIONS = 32
_CONFIGURATION = """
route:
  receiver: sink
  group_by: ['...']
  group_wait: 0s
  group_interval: 5m
receivers:
- name: sink
  webhook_configs:
  - url: {url}
    max_alerts: 1
"""


async def beside_alertmanager(factor: float) -> Result:
    """W18: new alerts, each in a group of its own, to Firebell and then to Alertmanager."""
    async with product() as it:
        await it.start()
        ours = await load(it.inbound, it.folder / "load.tsv", conns=CONNECTIONS, duration=8 * factor)
        wrong = check(
            rows=(await it.value("select count(*) from event"), ours.ok),
            refused=(ours.n - ours.ok, 0),
        )
    async with _alertmanager() as (url, folder, receiver):
        theirs = await _send(url, folder, 8 * factor)
        messages = len(receiver.messages())
    ratio = ours.ok_per_s / theirs.ok_per_s
    return Result(
        "W18",
        f"{CONNECTIONS} connections, every alert in a new group, beside Alertmanager with a webhook for each group",
        f"{number(ours.ok_per_s)} 2xx/s, p50/p99 ms {number(ours.p50_ms)}/{number(ours.p99_ms)}, durable",
        f"Alertmanager {number(theirs.ok_per_s)} 2xx/s, p50/p99 ms {number(theirs.p50_ms)}/{number(theirs.p99_ms)},"
        f" in memory; {messages:,} messages sent meanwhile: ratio {number(ratio)}",
        ((">= 1.5 x Alertmanager", ratio >= 1.5),),
        (*wrong, *check(refused_by_alertmanager=(theirs.n - theirs.ok, 0))),
    )


async def _send(url: str, folder: Path, seconds: float) -> Load:
    body = folder / "alerts.json"
    (alert,) = json.loads((HERE / "alert.json").read_text(encoding="utf-8"))["alerts"]
    sent = {name: alert[name] for name in ("labels", "annotations", "startsAt", "generatorURL")}
    body.write_text(json.dumps([sent]), encoding="utf-8")
    return await load(
        f"{url}/api/v2/alerts", folder / "load.tsv", conns=CONNECTIONS, duration=seconds, body=body
    )


@asynccontextmanager
async def _alertmanager() -> AsyncIterator[tuple[str, Path, Sink]]:
    """Yield the address of an Alertmanager, its folder and the receiver of its webhooks."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        raise FileNotFoundError("This workload needs Alertmanager: apt-get install prometheus-alertmanager.")
    with TemporaryDirectory(prefix="firebell-bench-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        async with sink(folder / "sink.tsv") as receiver:
            (folder / "alertmanager.yml").write_text(
                _CONFIGURATION.format(url=receiver.url), encoding="utf-8"
            )
            process = await asyncio.create_subprocess_exec(
                program,
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                url = f"http://127.0.0.1:{port}"
                await asyncio.to_thread(
                    process_stats.ready_s, f"{url}/-/ready", asyncio.get_running_loop().time()
                )
                yield url, folder, receiver
            finally:
                process.terminate()
                await process.wait()
