"""Connections to the mail server, whose name is resolved in separate threads.

The mail library would use the event loop's, which the database needs to reconnect.
"""

import asyncio
import socket

from firebell.kit.mail.server_url import SmtpServer
from firebell.kit.resolver import Resolver
from firebell.kit.threads import Pool

CONNECT_LIMIT_S = 10.0
"""Connect timeout for each address of the server."""
_THREADS, _QUEUE = 4, 64


class MailConnections:
    """Connects to one mail server."""

    def __init__(self, server: SmtpServer, resolver: Resolver | None = None) -> None:
        self._server = server
        self._pool = Pool("mail lookups", _THREADS, _QUEUE)
        self._resolver = resolver or Resolver(pool=self._pool)
        self._own_name = ""

    async def dial(self) -> socket.socket:
        """Return a connected socket to the first address of the server that accepts one.

        Raises what `Resolver.resolve` raises, and `OSError` when no address accepts.
        """
        failure: OSError = OSError(f"{self._server.host} has no address")
        for address in await self._resolver.resolve(self._server.host):
            try:
                return await self._connect(address)
            except OSError as exc:
                failure = exc
        raise failure

    async def own_name(self) -> str:
        """Return the name with which this machine greets the server; cached."""
        if not self._own_name:
            try:
                async with asyncio.timeout(CONNECT_LIMIT_S):
                    self._own_name = await self._pool.run(socket.getfqdn)
            except TimeoutError:
                self._own_name = socket.gethostname()
        return self._own_name

    async def _connect(self, address: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            async with asyncio.timeout(CONNECT_LIMIT_S):
                await asyncio.get_running_loop().sock_connect(connection, (address, self._server.port))
        except BaseException:
            connection.close()
            raise
        return connection
