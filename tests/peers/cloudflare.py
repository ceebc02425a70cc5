"""A stand-in for the part of Cloudflare's API that the runbooks call; it records requests."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers import listening

TOKEN = "secret"
ZONE = "zone-1"
RULESET = "ruleset-7"


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(slots=True)
class Cloudflare:
    """One zone: its security level, its custom rules, and every request."""

    port: int = 0
    level: str = "medium"
    rules: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "theirs", "description": "before"}])
    calls: list[Call] = field(default_factory=list)
    error: dict[str, Any] | None = None

    @property
    def env(self) -> dict[str, str]:
        """The environment variables that point the commands here."""
        return {
            "CLOUDFLARE_API": f"http://127.0.0.1:{self.port}",
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CLOUDFLARE_ZONE_ID": ZONE,
        }

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
        method, path, _ = head.split()
        call = Call(method, path, headers, body)
        self.calls.append(call)
        result = None if self.error else self._result(call)
        errors = [self.error] if self.error else []
        text = json.dumps(
            {"success": not errors, "errors": errors, "messages": [], "result": result}
        ).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(text), text)
        )
        await writer.drain()

    def _result(self, call: Call) -> Any:
        rules = f"/zones/{ZONE}/rulesets/{RULESET}/rules"
        match call.method, call.path.removeprefix(f"/zones/{ZONE}"):
            case "GET", "/settings/security_level":
                return {"id": "security_level", "value": self.level}
            case "PATCH", "/settings/security_level":
                self.level = json.loads(call.body)["value"]
                return {"id": "security_level", "value": self.level}
            case "GET", "/rulesets/phases/http_request_firewall_custom/entrypoint":
                return {"id": RULESET, "rules": self.rules}
            case "POST", _ if call.path == rules:
                self.rules.append({"id": f"rule-{len(self.rules)}", **json.loads(call.body)})
                return {"id": RULESET, "rules": self.rules}
            case "DELETE", _ if call.path.startswith(f"{rules}/"):
                self.rules = [r for r in self.rules if r["id"] != call.path.rpartition("/")[2]]
                return {"id": RULESET, "rules": self.rules}
            case "POST", "/purge_cache":
                return {"id": ZONE}
        raise AssertionError(f"Cloudflare has no {call.method} {call.path}")


@asynccontextmanager
async def cloudflare() -> AsyncIterator[Cloudflare]:
    """Run the stand-in until the block ends."""
    server = Cloudflare()
    async with listening(server.answer) as server.port:
        yield server
