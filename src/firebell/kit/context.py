"""The dependencies of a running process, available to routes as `request.app.state.ctx` and to the worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from firebell.kit.clock import Clock
from firebell.kit.db.database import Db
from firebell.kit.ip_addresses import Network
from firebell.kit.mail.inbound_settings import InboundMailSettings
from firebell.kit.process_counters import ProcessCounters
from firebell.kit.process_health import ProcessHealth
from firebell.kit.signing import Signer
from firebell.kit.slice import Composer
from firebell.kit.timing import REAL, Pace
from firebell.kit.txt_records import TxtRecords
from firebell.kit.web.live import Live


@dataclass(frozen=True, slots=True)
class Context:
    """The I/O dependencies of one process; pure code never receives it."""

    db: Db
    """The connections of requests, with short time limits."""
    work_db: Db
    """The connections of the worker, whose statements may take longer."""
    ingest_db: Db
    """Connections reserved for the inbound routes, with short time limits."""
    clock: Clock
    signer: Signer
    http: httpx.AsyncClient
    live: Live
    public_url: str
    channel_settings: Mapping[str, str]
    """The variables of the channels by name."""
    composers: Mapping[str, Composer]
    """The message composers, by kind of subject."""
    pace: Pace = REAL
    health: ProcessHealth = field(default_factory=ProcessHealth)
    counters: ProcessCounters = field(default_factory=ProcessCounters)
    allowed_hosts: frozenset[str] = frozenset()
    """Host names under which pages are served, in addition to literal addresses and loopback names."""
    retention_days: Mapping[str, int | None] = field(default_factory=dict)
    """The days for which data is kept, by setting, where they are not the default; None keeps everything."""
    data: Path | None = None
    """The folder for the files of this process, None if it keeps none."""
    status_directory: Path | None = None
    """The directory to which status pages are copied, None for none."""
    runbook_directory: Path | None = None
    """The directory that contains the mounted directories of runbooks, None for none."""
    war_room_url: str = ""
    """The template of the address of an incident's war room, empty for none."""
    metrics_token: str = ""
    """The secret that `/metrics.prom` accepts, empty for none."""
    metrics_networks: tuple[Network, ...] = ()
    """The networks from which `/metrics.prom` needs no token."""
    inbound_mail: InboundMailSettings = field(default_factory=InboundMailSettings)
    """How mails arrive that are alerts."""
    txt_records: TxtRecords = field(default_factory=TxtRecords)

    @property
    def inbox_url(self) -> str:
        """The address of the list of pages."""
        return f"{self.public_url}/pages"
