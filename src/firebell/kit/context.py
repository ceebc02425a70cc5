"""What a running process has: handed to routes as `request.app.state.ctx` and to the worker."""

from dataclasses import dataclass

import httpx

from firebell.kit.clock import Clock
from firebell.kit.db import Db
from firebell.kit.live import Live
from firebell.kit.signing import Signer


@dataclass(frozen=True, slots=True)
class Context:
    """The edges of one process; pure code never sees it."""

    db: Db
    clock: Clock
    signer: Signer
    http: httpx.AsyncClient
    live: Live
    public_url: str
    smtp_url: str
    mail_from: str
    ntfy_url: str
    allowed_hosts: frozenset[str] = frozenset()
    """Names under which pages are served, beside literal addresses and loopback names."""
