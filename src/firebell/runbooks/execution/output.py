"""Keep the beginning and the end of a command's output in bounded memory, and redact them (pure)."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from firebell.runbooks.execution.redaction import plain, readable, redacted
from firebell.runbooks.runs.model import OUTPUT_MAX_BYTES, StepOutput

_SLACK_BYTES = 8 * 1024
"""More than the longest encoding of a secret, so that one at the end of the head is recognized."""
_HEAD_BYTES = OUTPUT_MAX_BYTES + _SLACK_BYTES
_TAIL_BYTES = OUTPUT_MAX_BYTES + 64 * 1024
"""With 64 KiB before the tail, the beginning of a key or header that reaches into it is recognized."""
_LONGEST_LINE_BYTES = 64 * 1024


class OutputSource(StrEnum):
    """Which of the two streams wrote."""

    OUT = "stdout"
    ERR = "stderr"


@dataclass(slots=True)
class _Kept:
    head: bytearray
    tail: bytearray
    total: int = 0

    def add(self, data: bytes | bytearray) -> None:
        self.total += len(data)
        room = _HEAD_BYTES - len(self.head)
        self.head += data[:room]
        self.tail += data[max(room, 0) :]
        if len(self.tail) > 2 * _TAIL_BYTES:
            del self.tail[:-_TAIL_BYTES]


class KeptOutput:
    """What a command printed: its lines in the order in which they ended, each stream's lines whole."""

    def __init__(self) -> None:
        self._kept = _Kept(bytearray(), bytearray())
        self._open_lines = {source: bytearray() for source in OutputSource}

    @property
    def total_bytes(self) -> int:
        """How much was printed."""
        return self._kept.total + sum(map(len, self._open_lines.values()))

    def add(self, source: OutputSource, data: bytes) -> None:
        """Add what was read from one stream; a line that is not finished waits for its end."""
        line = self._open_lines[source]
        end = data.rfind(b"\n") + 1
        if end or len(line) + len(data) > _LONGEST_LINE_BYTES:
            end = end or len(data)
            self._kept.add(line)
            self._kept.add(data[:end])
            line.clear()
            data = data[end:]
        line += data

    def result(self, secrets: Collection[str]) -> StepOutput:
        """Return the output without secrets: all of it, or its beginning and its end."""
        for line in self._open_lines.values():
            self._kept.add(line)
            line.clear()
        if self._kept.total <= _HEAD_BYTES + _TAIL_BYTES:
            whole = plain(bytes(self._kept.head + self._kept.tail))
            middle = min(OUTPUT_MAX_BYTES, len(whole))
            head = redacted(whole, secrets, 0, middle)
            tail = redacted(whole, secrets, max(middle, len(whole) - OUTPUT_MAX_BYTES))
        else:
            head = redacted(plain(bytes(self._kept.head)), secrets, 0, OUTPUT_MAX_BYTES)
            end = plain(bytes(self._kept.tail))
            tail = redacted(end, secrets, max(0, len(end) - OUTPUT_MAX_BYTES))
        return StepOutput(
            readable(head.output)[:OUTPUT_MAX_BYTES],
            readable(tail.output)[-OUTPUT_MAX_BYTES:],
            head.replaced + tail.replaced,
        )
