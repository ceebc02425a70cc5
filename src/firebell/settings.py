"""Every environment variable except those that channels declare."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from firebell.channels import registry as channels
from firebell.kit.errors import StartupError
from firebell.kit.http_out import parse_networks
from firebell.kit.ip_addresses import Network
from firebell.kit.jobs import pruning
from firebell.kit.mail import inbound_settings
from firebell.kit.mail.inbound_settings import InboundMailSettings
from firebell.kit.war_rooms import check_template
from firebell.kit.web.origin import host_name

METRICS_TOKEN_MIN_CHARS = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings from the environment; each field names its variable."""

    data: Path = Path("firebell-data")
    """FIREBELL_DATA: where the embedded PostgreSQL lives."""
    database_url: str = ""
    """DATABASE_URL: another PostgreSQL (>= 15) instead of the embedded one."""
    host: str = "127.0.0.1"
    """FIREBELL_HOST: the address to listen on."""
    port: int = 8080
    """FIREBELL_PORT: the port to listen on."""
    trusted_proxies: str = "127.0.0.1"
    """FIREBELL_TRUSTED_PROXIES: proxies whose X-Forwarded-For is believed, comma-separated."""
    base_url: str = ""
    """FIREBELL_BASE_URL: the address that people use, for links in messages."""
    allowed_hosts: tuple[str, ...] = ()
    """FIREBELL_ALLOWED_HOSTS: more names under which pages are served, comma-separated."""
    allowed_networks: tuple[Network, ...] = ()
    """FIREBELL_ALLOWED_NETWORKS: private networks that may be reached, comma-separated."""
    channels: Mapping[str, str] = field(default_factory=lambda: channels.settings({}))
    """The variables that the channels declare, by name."""
    retention_days: Mapping[str, int | None] = field(default_factory=dict)
    """FIREBELL_RETENTION: days for which data is kept, such as alerts=90,audit=forever."""
    war_room_url: str = ""
    """FIREBELL_WAR_ROOM_URL: the address of the war room of an incident, with {ref} for its reference."""
    status_directory: Path | None = None
    """FIREBELL_STATUS_DIRECTORY: a directory to which status pages are copied, for another web server to serve."""
    runbook_directory: Path | None = None
    """FIREBELL_RUNBOOK_DIRECTORY: the directory that contains the mounted directories of runbooks."""
    metrics_token: str = ""
    """FIREBELL_METRICS_TOKEN: the secret with which Prometheus reads /metrics.prom."""
    metrics_networks: tuple[Network, ...] = ()
    """FIREBELL_METRICS_NETWORKS: networks from which /metrics.prom needs no token, comma-separated."""
    metrics_port: int | None = None
    """FIREBELL_METRICS_PORT: the port on which `firebell work` serves /metrics.prom, None for none."""
    inbound_mail: InboundMailSettings = field(default_factory=InboundMailSettings)
    """FIREBELL_MAIL_DOMAIN and the other FIREBELL_MAIL_ variables: how mails arrive that are alerts."""
    log_level: str = "info"
    """FIREBELL_LOG_LEVEL: debug, info, warning or error."""

    @property
    def public_url(self) -> str:
        """The address for links, without a trailing slash."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def hosts(self) -> frozenset[str]:
        """The names under which pages are served: that of the address for links, and those that are allowed."""
        return frozenset({*self.allowed_hosts, host_name(urlsplit(self.public_url).netloc)} - {""})


def _hosts(text: str) -> tuple[str, ...]:
    """Return normalized host names; raise `StartupError` for an invalid one."""
    hosts = [part.strip() for part in text.split(",") if part.strip()]
    for host in hosts:
        if "/" in host or not host_name(host.removeprefix("*.")):
            raise StartupError(
                f"FIREBELL_ALLOWED_HOSTS: {host!r} is not a host name.",
                hint="Example: firebell.example.org,*.internal.example.org",
            )
    return tuple(f"*.{host_name(h[2:])}" if h.startswith("*.") else host_name(h) for h in hosts)


def _directory(text: str) -> Path | None:
    return Path(text).expanduser().resolve() if text else None


def _port(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as exc:
        raise StartupError(f"{name} is {text!r}, which is not a number.") from exc


def _networks(name: str, text: str) -> tuple[Network, ...]:
    try:
        return parse_networks(text)
    except ValueError as exc:
        raise StartupError(f"{name}: {exc}.", hint="Example: 10.0.0.0/8,192.168.1.5/32") from exc


def _token(text: str) -> str:
    """Return a secret that a header can carry; raise `StartupError` for one that is short or has other characters."""
    if text and (len(text) < METRICS_TOKEN_MIN_CHARS or not text.isascii() or not text.isprintable()):
        raise StartupError(
            f"FIREBELL_METRICS_TOKEN must have at least {METRICS_TOKEN_MIN_CHARS} ASCII characters.",
            hint="Create one with: openssl rand -hex 32",
        )
    return text


def load(env: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; raise `StartupError` naming an invalid variable."""

    def get(name: str, default: str) -> str:
        return env.get(name, "").strip() or default

    defaults = Settings()
    metrics_port = get("FIREBELL_METRICS_PORT", "")
    settings = Settings(
        data=Path(get("FIREBELL_DATA", str(defaults.data))).expanduser().resolve(),
        database_url=get("DATABASE_URL", ""),
        host=get("FIREBELL_HOST", defaults.host),
        port=_port("FIREBELL_PORT", get("FIREBELL_PORT", str(defaults.port))),
        trusted_proxies=get("FIREBELL_TRUSTED_PROXIES", defaults.trusted_proxies),
        base_url=get("FIREBELL_BASE_URL", ""),
        allowed_hosts=_hosts(get("FIREBELL_ALLOWED_HOSTS", "")),
        allowed_networks=_networks("FIREBELL_ALLOWED_NETWORKS", get("FIREBELL_ALLOWED_NETWORKS", "")),
        channels=channels.settings(env),
        retention_days=pruning.parse(get("FIREBELL_RETENTION", "")),
        war_room_url=check_template(get("FIREBELL_WAR_ROOM_URL", "")),
        status_directory=_directory(get("FIREBELL_STATUS_DIRECTORY", "")),
        runbook_directory=_directory(get("FIREBELL_RUNBOOK_DIRECTORY", "")),
        metrics_token=_token(get("FIREBELL_METRICS_TOKEN", "")),
        metrics_networks=_networks("FIREBELL_METRICS_NETWORKS", get("FIREBELL_METRICS_NETWORKS", "")),
        metrics_port=_port("FIREBELL_METRICS_PORT", metrics_port) if metrics_port else None,
        inbound_mail=inbound_settings.load(env),
        log_level=get("FIREBELL_LOG_LEVEL", defaults.log_level),
    )
    channels.check_settings(settings.channels)
    return settings
