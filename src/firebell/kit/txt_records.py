"""Lookups of DNS TXT records, which the system's own resolver does not offer."""

from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.resolver

LIMIT_S = 5.0
"""Timeout of a lookup, over all name servers."""


class TxtRecords:
    """Looks up TXT records at the name servers of the system, or at those given as addresses."""

    def __init__(self, nameservers: Sequence[str] = (), port: int = 53, *, limit_s: float = LIMIT_S) -> None:
        self._nameservers = list(nameservers)
        self._port = port
        self._limit_s = limit_s

    async def lookup(self, name: str) -> list[str]:
        """Return the texts of the TXT records of `name`, none if it has none; raise `OSError`."""
        try:
            resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                resolver.nameservers, resolver.port = self._nameservers, self._port
            answer = await resolver.resolve(f"{name}.", "TXT", lifetime=self._limit_s)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise OSError(str(error).rstrip(".") or type(error).__name__) from error
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
