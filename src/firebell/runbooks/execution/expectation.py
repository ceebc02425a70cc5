"""Search a pattern in output that arrives in pieces, in bounded memory (pure)."""

import re

_WINDOW_BYTES = 64 * 1024


class Expectation:
    """The pattern of `expect=`, searched line by line in standard output; without a pattern it is always met."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern, re.M) if pattern else None
        self._window = b""
        self.is_met = not pattern

    def add(self, data: bytes) -> None:
        """Search what was read; the last line is searched when it is complete."""
        if self.is_met:
            return
        self._window += data
        end = self._window.rfind(b"\n") + 1
        if end:
            self._search(self._window[:end])
            # a pattern may span lines, so some of what was searched stays
            self._window = self._window[-_WINDOW_BYTES:]
        elif len(self._window) > 2 * _WINDOW_BYTES:
            self._search(self._window)
            self._window = self._window[-_WINDOW_BYTES:]

    def end(self) -> bool:
        """Search the rest and return True if the pattern was there."""
        if not self.is_met:
            self._search(self._window)
        return self.is_met

    def _search(self, output: bytes) -> None:
        text = output.decode(errors="replace").replace("\r\n", "\n")
        self.is_met = bool(self._pattern and self._pattern.search(text))
