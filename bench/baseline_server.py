"""A minimal server as a baseline: `baseline_server.py PORT DSN HOOK`.

`POST /accept` answers 202; `POST /forward` commits one row, answers 202 and posts the body to HOOK; `GET /bytes/N`
answers N bytes. It has no rules, no pages and no deliveries.
"""

import asyncio
import json
import sys

import asyncpg
import httpx
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class Bare:
    """The three routes over one pool and one HTTP client."""

    def __init__(self, pool: asyncpg.Pool, http: httpx.AsyncClient, hook: str) -> None:
        self._pool = pool
        self._http = http
        self._hook = hook
        self._sending: set[asyncio.Task[httpx.Response]] = set()

    async def accept(self, request: Request) -> Response:
        json.loads(await request.body())
        return Response(b'{"status":"accepted"}', 202, media_type="application/json")

    async def forward(self, request: Request) -> Response:
        body = await request.body()
        await self._pool.execute("insert into bench_forward (body) values ($1)", body)
        task = asyncio.create_task(self._http.post(self._hook, content=body))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return Response(b'{"status":"accepted"}', 202, media_type="application/json")

    async def payload(self, request: Request) -> Response:
        return Response(b"x" * request.path_params["size"], media_type="application/json")


async def main(port: int, dsn: str, hook: str) -> None:
    """Serve until killed."""
    async with asyncpg.create_pool(dsn, min_size=1) as pool, httpx.AsyncClient(trust_env=False) as http:
        await pool.execute(
            "create table if not exists bench_forward (id bigint generated always as identity, body bytea)"
        )
        bare = Bare(pool, http, hook)
        app = Starlette(
            routes=[
                Route("/accept", bare.accept, methods=["POST"]),
                Route("/forward", bare.forward, methods=["POST"]),
                Route("/bytes/{size:int}", bare.payload),
            ]
        )
        config = uvicorn.Config(app, port=port, lifespan="off", access_log=False, log_level="warning")
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
