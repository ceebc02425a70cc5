"""Webhook sink: `webhook_sink.py PORT OUT.tsv` answers 200 and logs the arrival time, size and ids of each message."""

import asyncio
import re
import sys
import time
from pathlib import Path
from typing import TextIO, cast

import uvloop

ID = re.compile(rb"bz[0-9a-z]+x\d+z")


class Sink(asyncio.Protocol):
    """One connection of a sender."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        assert self._transport
        self._buffer += data
        while True:
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            _, has_length, tail = head.lower().partition(b"content-length:")
            length = int(tail.split(b"\r\n", 1)[0]) if has_length else 0
            if len(rest) < length:
                return
            body, self._buffer = rest[:length], rest[length:]
            ids = ",".join(sorted(i.decode() for i in set(ID.findall(body))))
            self._out.write(f"{time.monotonic():.6f}\t{length}\t{ids}\n")
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


async def main(port: int, out: Path) -> None:
    """Listen on the loopback address until killed."""
    with out.open("a", buffering=1, encoding="utf-8") as file:
        server = await asyncio.get_running_loop().create_server(lambda: Sink(file), "127.0.0.1", port)
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
