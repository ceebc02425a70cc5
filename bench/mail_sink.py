"""Mail sink: `mail_sink.py PORT OUT.tsv` takes mails by SMTP and logs the arrival time and recipient of each."""

import asyncio
import sys
import time
from pathlib import Path
from typing import TextIO, cast

import uvloop


class MailSink(asyncio.Protocol):
    """One connection of a sender; it accepts everything."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._buffer = b""
        self._recipient = ""
        self._reads_message = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        assert self._transport
        self._buffer += data
        while True:
            end = b"\r\n.\r\n" if self._reads_message else b"\r\n"
            part, separator, rest = self._buffer.partition(end)
            if not separator:
                return
            self._buffer = rest
            if self._reads_message:
                self._reads_message = False
                self._out.write(f"{time.monotonic():.6f}\t{self._recipient}\n")
                self._transport.write(b"250 OK\r\n")
            else:
                self._transport.write(self._answer(part))

    def _answer(self, command: bytes) -> bytes:
        verb = command[:4].upper()
        if verb == b"EHLO":
            return b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        if verb == b"RCPT":
            self._recipient = command.partition(b"<")[2].partition(b">")[0].decode("ascii", "replace")
        if verb == b"DATA":
            self._reads_message = True
            return b"354 Go on\r\n"
        return b"221 Bye\r\n" if verb == b"QUIT" else b"250 OK\r\n"


async def main(port: int, out: Path) -> None:
    """Listen on the loopback address until killed."""
    with out.open("a", buffering=1, encoding="utf-8") as file:
        server = await asyncio.get_running_loop().create_server(lambda: MailSink(file), "127.0.0.1", port)
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
