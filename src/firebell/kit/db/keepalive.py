"""Notices within seconds, on both ends, that the other end of a database connection is gone."""

import socket

_IDLE_S, _INTERVAL_S, _COUNT = 5, 2, 3
_UNANSWERED_MS = 10_000

SERVER_SETTINGS = {
    "tcp_keepalives_idle": str(_IDLE_S),
    "tcp_keepalives_interval": str(_INTERVAL_S),
    "tcp_keepalives_count": str(_COUNT),
    "tcp_user_timeout": str(_UNANSWERED_MS),
}
"""The settings of PostgreSQL for its end."""


def set_options(sock: socket.socket) -> None:
    """Set TCP keepalive and user timeout on our end; a Unix socket needs neither."""
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": _IDLE_S,
        "TCP_KEEPALIVE": _IDLE_S,  # the same on macOS
        "TCP_KEEPINTVL": _INTERVAL_S,
        "TCP_KEEPCNT": _COUNT,
        "TCP_USER_TIMEOUT": _UNANSWERED_MS,
    }
    for name, value in options.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
