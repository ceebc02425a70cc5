"""A mail server of the demo: it accepts every email and keeps none, so that nothing leaves this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_ANSWERS = {b"EHLO": b"250 demo", b"HELO": b"250 demo", b"DATA": b"354 go ahead", b"QUIT": b"221 bye"}


@asynccontextmanager
async def mail_server() -> AsyncIterator[str]:
    """Yield the URL of a local mail server that accepts every email."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            writer.write(b"220 demo ESMTP\r\n")
            while True:
                verb = (await reader.readuntil(b"\r\n"))[:4].upper()
                writer.write(_ANSWERS.get(verb, b"250 ok") + b"\r\n")
                await writer.drain()
                if verb == b"DATA":
                    await reader.readuntil(b"\r\n.\r\n")
                    writer.write(b"250 accepted\r\n")
                elif verb == b"QUIT":
                    break
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=2**22)
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
