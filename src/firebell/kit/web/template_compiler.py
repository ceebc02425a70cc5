"""Compiles the templates in a child process after the start, so that no one waits for it when they open a page.

Compiling takes up to 0.15 s a template; in this process, alerts would wait meanwhile.
"""

import asyncio
import contextlib
import logging
import os
import struct
import sys
import zlib

import jinja2
from jinja2.bccache import Bucket

log = logging.getLogger(__name__)

LIMIT_S = 120.0
"""How long each template may take; a busy server lets the child process wait long, and needs it most."""
_HEAD = struct.Struct(">II")


class CompiledTemplates(jinja2.BytecodeCache):
    """Bytecode of templates in memory; one that is not there, or of another source, is compiled when it is used."""

    def __init__(self) -> None:
        self.bytecode: dict[str, bytes] = {}
        """Compressed, by the key that Jinja derives from the name of a template."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load the bytecode of a template; Jinja compares the checksum of its source."""
        if code := self.bytecode.pop(bucket.key, None):
            with contextlib.suppress(zlib.error):
                bucket.bytecode_from_string(zlib.decompress(code))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep nothing: the environment caches what it has compiled."""


class _Output(jinja2.BytecodeCache):
    """Writes the bytecode of each compiled template to standard output."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load nothing."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write the key and the compressed bytecode, with their lengths."""
        key, code = bucket.key.encode(), zlib.compress(bucket.bytecode_to_string())
        sys.stdout.buffer.write(_HEAD.pack(len(key), len(code)) + key + code)
        sys.stdout.buffer.flush()


async def precompile(compiled: CompiledTemplates) -> None:
    """Fill `compiled` from a child process of low priority; end early if that fails or writes nothing for too long."""
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "firebell.kit.web.template_compiler"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as exc:
        log.warning("templates are compiled when they are used", extra={"reason": repr(exc)})
        return
    assert child.stdout
    try:
        await _receive(child.stdout, compiled)
    except TimeoutError:
        log.warning("templates are compiled when they are used", extra={"reason": "compiling takes too long"})
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _receive(output: asyncio.StreamReader, compiled: CompiledTemplates) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            async with asyncio.timeout(LIMIT_S):
                key_bytes, code_bytes = _HEAD.unpack(await output.readexactly(_HEAD.size))
                key = (await output.readexactly(key_bytes)).decode()
                compiled.bytecode[key] = await output.readexactly(code_bytes)


def main() -> None:
    """Compile all templates, those that most pages use first."""
    os.nice(10)
    from firebell.kit.web import html

    environment = html.template_environment(_Output())
    for name in sorted(environment.list_templates(["html"]), key=lambda name: "/" in name):
        environment.get_template(name)


if __name__ == "__main__":
    main()
