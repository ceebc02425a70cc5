"""A DNS server that answers for TXT records, on a UDP port of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """Answers with what `texts` has for a name; any other name does not exist. `is_broken` refuses everything."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.is_broken = False
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a query."""
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        [question] = query.question
        texts = self.texts.get(question.name.to_text().rstrip("."))
        if self.is_broken:
            answer.set_rcode(dns.rcode.REFUSED)
        elif texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            records = [f'"{text}"' for text in texts]
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", "TXT", records))
        assert self._transport is not None
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def name_server() -> AsyncIterator[NameServer]:
    """Yield a running name server."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
