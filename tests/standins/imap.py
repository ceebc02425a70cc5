"""A mailbox over IMAP, as far as Firebell reads one: it keeps flags, and can fail in the middle."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.servers import listening

_FETCH = re.compile(r"UID FETCH (\d+) .*BODY\.PEEK\[\]<0\.(\d+)>", re.IGNORECASE)
_STORE = re.compile(r"UID STORE (\d+) \+FLAGS\.SILENT \(([^)]*)\)", re.IGNORECASE)


@dataclass(slots=True)
class StandInMailbox:
    """Mails by UID with their flags; `refused` are commands that get NO, `idle` the connections that report mail."""

    mails: dict[int, bytes] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    """The UIDs of mails that it cannot return."""
    logins: list[str] = field(default_factory=list)
    port: int = 0
    can_idle: bool = False
    idle: list[asyncio.StreamWriter] = field(default_factory=list)

    def put(self, content: bytes) -> int:
        """Deliver a mail; return its UID."""
        uid = len(self.mails) + 1
        self.mails[uid], self.flags[uid] = content, set()
        for writer in self.idle:
            writer.write(b"* %d EXISTS\r\n" % uid)
        return uid

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        writer.write(b"* OK IMAP4rev1 ready\r\n")
        while line := (await reader.readline()).decode().strip():
            tag, _, command = line.partition(" ")
            name = command.split()[1] if command.upper().startswith("UID ") else command.split()[0]
            fetch = _FETCH.match(command)
            if name.upper() in self.refused or (fetch and int(fetch[1]) in self.broken):
                writer.write(f"{tag} NO refused\r\n".encode())
                continue
            if name.upper() == "IDLE":
                writer.write(b"+ idling\r\n")
                self.idle.append(writer)
                is_done = (await reader.readline()).strip() == b"DONE"
                self.idle.remove(writer)
                if not is_done:
                    return
            writer.write(self._untagged(command) + f"{tag} OK {name} completed\r\n".encode())
            await writer.drain()
            if name.upper() == "LOGOUT":
                return

    def _untagged(self, command: str) -> bytes:
        upper = command.upper()
        if upper.startswith("CAPABILITY"):
            return b"* CAPABILITY IMAP4rev1 IDLE\r\n" if self.can_idle else b"* CAPABILITY IMAP4rev1\r\n"
        if upper.startswith("LOGIN"):
            self.logins.append(command)
        if upper.startswith("SELECT"):
            return b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n" % len(self.mails)
        if upper.startswith("UID SEARCH"):
            uids = " ".join(str(uid) for uid, flags in self.flags.items() if r"\Seen" not in flags)
            return f"* SEARCH {uids}".rstrip().encode() + b"\r\n"
        if match := _FETCH.match(command):
            uid, content = int(match[1]), self.mails[int(match[1])]
            part = content[: int(match[2])]
            head = b"* %d FETCH (UID %d RFC822.SIZE %d BODY[]<0> {%d}\r\n" % (
                uid,
                uid,
                len(content),
                len(part),
            )
            return head + part + b")\r\n"
        if match := _STORE.match(command):
            self.flags[int(match[1])] |= set(match[2].split())
        return b""


@asynccontextmanager
async def stand_in_mailbox() -> AsyncIterator[StandInMailbox]:
    """Serve a mailbox until the block ends."""
    mailbox = StandInMailbox()
    async with listening(mailbox.answer) as mailbox.port:
        yield mailbox
