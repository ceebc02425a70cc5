"""A pool of HTTP connections in which a request asks no connection but the one that it reuses."""

import time

import httpcore

SWEEP_INTERVAL_S = 1.0
"""How often idle connections are looked through for those that their servers have closed."""


class ConnectionPool(httpcore.AsyncConnectionPool):
    """An `httpcore` pool, without a limit of connections, that asks only the connection which it is about to reuse.

    `httpcore` asks all connections whether they are idle and readable at the beginning and at the end of each request,
    and gives an idle one to several requests, all but one of which then look for another.
    """

    _swept_at = float("-inf")

    def _assign_requests_to_connections(self) -> list[httpcore.AsyncConnectionInterface]:
        """Give each queued request a connection of its own, and return the connections to close."""
        in_use = {id(request.connection) for request in self._requests if request.connection is not None}
        closing: list[httpcore.AsyncConnectionInterface] = []
        now = time.monotonic()
        # in a storm more connections than that are in use, of which none can be closed
        idle_limit = max(self._max_keepalive_connections, len(in_use))
        if now - self._swept_at >= SWEEP_INTERVAL_S or len(self._connections) > idle_limit:
            self._swept_at = now
            closing += self._sweep(in_use)
        for request in self._requests:
            if not request.is_queued():
                continue
            origin = request.request.url.origin
            connection, expired = self._reusable(origin, in_use)
            closing += expired
            if connection is None:
                connection = self.create_connection(origin)
                self._connections.append(connection)
            in_use.add(id(connection))
            request.assign_to_connection(connection)
        return closing

    def _sweep(self, in_use: set[int]) -> list[httpcore.AsyncConnectionInterface]:
        """Remove what is closed; remove and return what has expired, and idle connections above the limit."""
        closing = []
        for connection in list(self._connections):
            if id(connection) in in_use:
                continue
            if connection.is_closed():
                self._connections.remove(connection)
            elif connection.has_expired() or (
                connection.is_idle() and len(self._connections) > self._max_keepalive_connections
            ):
                self._connections.remove(connection)
                closing.append(connection)
        return closing

    def _reusable(
        self, origin: httpcore.Origin, in_use: set[int]
    ) -> tuple[httpcore.AsyncConnectionInterface | None, list[httpcore.AsyncConnectionInterface]]:
        """Return a connection to `origin` that no request has and whose server has not closed it, if there is one.

        Connections that turn out to be closed are removed, and returned beside it.
        """
        expired: list[httpcore.AsyncConnectionInterface] = []
        for connection in list(self._connections):
            if (
                id(connection) in in_use
                or not connection.is_available()
                or not connection.can_handle_request(origin)
            ):
                continue
            if not connection.has_expired():
                return connection, expired
            self._connections.remove(connection)
            expired.append(connection)
        return None, expired
