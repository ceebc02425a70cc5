"""The cache runbook against Debian's Redis and nginx, and a stand-in for Cloudflare."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.peers.cloudflare import Cloudflare, cloudflare
from tests.peers.runbooks import Shell, block, command, own, place, program, runbook, server
from tests.servers import answers, free_port, listening, until

pytestmark = pytest.mark.peers

BOOK = runbook("cache-invalidation")


@pytest.fixture(scope="module")
async def redis() -> AsyncIterator[Shell]:
    """A Redis, and a shell with the variables of the runbook."""
    redis_server, port = program("redis-server", "redis-server"), free_port()
    with place() as folder:
        env = {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "KEY_PREFIX": "product:", "WORK": str(folder)}
        shell = Shell(folder, {**env, "PAGE_URL": "http://127.0.0.1/"})
        args = ("--port", str(port), "--save", "", "--bind", "127.0.0.1", "--dir", str(folder))
        async with server(redis_server, *args, folder=folder):

            async def up() -> bool:
                return (await shell('redis-cli -u "$REDIS_URL" PING || true')).out == "PONG\n"

            await until(up, "Redis answers")
            yield shell


async def fill(shell: Shell) -> None:
    """Store 1,200 products, three of them with names that need quoting, and 5,000 sessions in Redis."""
    odd = ("product:with space", 'product:with"quote', "product:with\\\\backslash")
    lines = [
        "FLUSHALL",
        *(f"SET product:{n} x EX 1800" for n in range(1197)),
        *(f"SET '{name}' x EX 1800" for name in odd),
        *(f"SET session:{n} y" for n in range(5000)),
    ]
    (shell.folder / "fill").write_text("\n".join(lines), encoding="utf-8")
    done = await shell('redis-cli -u "$REDIS_URL" <fill | sort | uniq -c')
    assert done.out.split() == ["6201", "OK"]


async def count(shell: Shell, pattern: str) -> int:
    """Return how many keys fit."""
    return int((await shell(f"redis-cli -u \"$REDIS_URL\" --scan --pattern '{pattern}' | wc -l")).out)


async def test_a_prefix_that_would_match_too_much_is_refused(redis: Shell) -> None:
    guard = command(BOOK, "Prerequisites", "case")
    assert (await redis(guard)).out == "prefix: product:\n"
    for wrong in ("*", "p*", "pro?uct:", "prod[u]ct:", "pr\\oduct:", "p", "pr"):
        stopped = await redis(f'{guard}\necho "left: ${{KEY_PREFIX-nothing}}"', KEY_PREFIX=wrong)
        assert "STOP" in stopped.err, wrong
        assert stopped.out == "left: nothing\n"
    refused = await redis(command(BOOK, "2. Count", "DBSIZE"), code=127, KEY_PREFIX="")
    assert "KEY_PREFIX" in refused.err


async def test_the_keys_of_a_prefix_are_counted_and_dropped_and_no_other(redis: Shell) -> None:
    await fill(redis)
    counted = await redis(command(BOOK, "2. Count", "DBSIZE"))
    assert counted.out.startswith("1200 of 6200 keys begin with product:\n")
    lives = await redis(command(BOOK, "2. Count", "TTL"))
    assert lives.out.startswith("200 with an end, 1")
    assert lives.out.endswith("; 0 without one\n")
    stats = await redis(command(BOOK, "3. Drop them", "INFO stats"))
    assert "keyspace_misses:" in stats.out
    dropped = await redis(command(BOOK, "3. Drop them", 'UNLINK <"$WORK/keys.txt"'))
    assert dropped.out == "1200 keys dropped\n"
    assert await count(redis, "product:*") == 0
    assert await count(redis, "session:*") == 5000
    assert (await redis(command(BOOK, "Verification", "--scan"))).out.strip() == "0"


async def test_the_slow_way_spreads_their_ends_and_can_be_stopped(redis: Shell) -> None:
    await fill(redis)
    await redis(command(BOOK, "2. Count", "DBSIZE"))
    slow = command(BOOK, "3. Drop them", "EXPIRE")
    assert (await redis(slow)).out.split() == ["1200", "1"]
    await redis('redis-cli -u "$REDIS_URL" EXPIRE product:7 5')
    assert (await redis(slow)).out.split()[-1] in ("0", "1")
    soon = await redis('redis-cli -u "$REDIS_URL" TTL product:7')
    assert int(soon.out) <= 5, "a key that is about to end is not kept for longer"
    ends = await redis(
        'while IFS= read -r n; do echo "TTL product:$n"; done < <(seq 0 1100) | redis-cli -u "$REDIS_URL"'
    )
    left = [int(n) for n in ends.out.split()]
    assert max(left) <= 300
    assert len(set(left)) > 150, "they end at random moments"
    assert (await redis(command(BOOK, "Rollback", "PERSIST"))).out.split()[-1] == "1"
    kept = await redis('redis-cli -u "$REDIS_URL" TTL "product:with space"')
    assert kept.out.strip() == "-1"
    assert await count(redis, "session:*") == 5000


@asynccontextmanager
async def caching() -> AsyncIterator[tuple[Shell, list[str]]]:
    """Run nginx with the cache of the runbook in front of an origin; yield a shell, and what the origin was asked."""
    asked: list[str] = []

    async def origin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split()[1].decode())
        body = f"answer {len(asked)} of /products/1 too".encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        await writer.drain()

    nginx = program("nginx", "nginx")
    async with AsyncExitStack() as on:
        folder = on.enter_context(place())
        port, behind = free_port(), await on.enter_async_context(listening(origin))
        text = block(BOOK, "nginx", "4. Drop it from nginx", "proxy_cache_path")
        text = text.replace("/var/cache/nginx/site", f"{folder}/cache").replace("8080", f"127.0.0.1:{port}")
        conf = folder / "nginx.conf"
        conf.write_text(
            f"pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
            f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;"
            f" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;"
            f" upstream origin {{ server 127.0.0.1:{behind}; }}\n{text}\n}}\n",
            encoding="utf-8",
        )
        await on.enter_async_context(server(nginx, "-c", str(conf), "-g", "daemon off;", folder=folder))
        url = f"http://127.0.0.1:{port}"
        await answers(f"{url}/up")
        work = folder / "work"
        work.mkdir()
        own(work)
        env = {
            "CACHE_DIR": f"{folder}/cache",
            "CACHE_KEY_PART": "/products/",
            "WORK": str(work),
            "PAGE_URL": url,
        }
        yield Shell(folder, env), asked


async def test_only_the_answers_whose_key_fits_leave_the_cache_of_nginx() -> None:
    status = command(BOOK, "Verification", "x-cache-status")

    async def cache_status(shell: Shell, path: str) -> str:
        return (await shell(status, PAGE_URL=shell.env["PAGE_URL"] + path)).out.strip().lower()

    async with caching() as (shell, asked):
        paths = ("/products/1", "/products/2?page=3", "/about")
        for path in paths:
            assert await cache_status(shell, path) == "x-cache-status: miss"
            assert await cache_status(shell, path) == "x-cache-status: hit"
        before = len(asked)
        listed = await shell(command(BOOK, "4. Drop it from nginx", "grep -rlaF"))
        assert listed.out.splitlines() == [
            "2",
            "KEY: http://origin/products/1",
            "KEY: http://origin/products/2?page=3",
        ], "/about mentions a product and is not listed"
        removed = await shell(command(BOOK, "4. Drop it from nginx", "xargs -r -d"))
        assert removed.out.strip() == "2"
        assert await cache_status(shell, "/products/1") == "x-cache-status: miss"
        assert await cache_status(shell, "/products/1") == "x-cache-status: hit"
        assert await cache_status(shell, "/about") == "x-cache-status: hit"
        assert len(asked) == before + 1
        where = await shell(
            command(BOOK, "1. Find the layer", "cf-cache-status"), PAGE_URL=shell.env["PAGE_URL"]
        )
        assert "HTTP/1.1 200 OK" in where.out

        urls = [f"{shell.env['PAGE_URL']}/warm/{n}" for n in range(6)]
        (shell.folder / "urls").write_text("\n".join(urls) + "\n", encoding="utf-8")
        warmed = await shell(command(BOOK, "Rollback", "WARM_LIST"), WARM_LIST="urls")
        assert warmed.out == "200 6\n"
        assert sorted(asked[-6:]) == [f"/warm/{n}" for n in range(6)]


async def test_bug_a_newline_among_the_times_of_a_cached_answer_kept_it_in_the_cache() -> None:
    """The times and sums before the key are binary: in some seconds a byte of theirs is a newline."""
    async with caching() as (shell, _):
        assert (await shell('curl -sf -o out "$PAGE_URL/products/3"')).out == ""
        cache = Path(shell.env["CACHE_DIR"])

        async def stored() -> list[Path]:
            cached = [path for path in cache.rglob("*") if path.is_file()]
            return [path for path in cached if b"KEY: http://origin/products/3" in path.read_bytes()]

        (file,) = await until(stored, "nginx has stored the answer")
        header, key, rest = file.read_bytes().partition(b"\nKEY: ")
        assert key
        file.write_bytes(header[:8] + b"\n" + header[9:] + key + rest)
        listed = await shell(command(BOOK, "4. Drop it from nginx", "grep -rlaF"))
        assert listed.out.splitlines() == ["1", "KEY: http://origin/products/3"]


async def test_cloudflare_is_asked_for_exactly_what_must_go() -> None:
    async with cloudflare() as edge:
        shell = Shell(Path("/"), {**edge.env, "PAGE_URL": "https://www.example.org/products/42?a=b&c"})
        by_url = await shell(command(BOOK, "5. Drop it from the CDN", "files:"))
        assert by_url.out.split() == ["true"]
        by_tag = await shell(command(BOOK, "5. Drop it from the CDN", "tags:"), CACHE_TAG='product-42 "x"')
        assert by_tag.out.split() == ["true"]
        assert [(c.method, c.path, json.loads(c.body)) for c in edge.calls] == [
            ("POST", "/zones/zone-1/purge_cache", {"files": ["https://www.example.org/products/42?a=b&c"]}),
            ("POST", "/zones/zone-1/purge_cache", {"tags": ['product-42 "x"']}),
        ]
        assert {c.headers["authorization"] for c in edge.calls} == {"Bearer secret"}
        await refused(shell, edge)


async def refused(shell: Shell, edge: Cloudflare) -> None:
    """A refusal ends with an error, and is shown."""
    edge.error = {"code": 10000, "message": "Authentication error"}
    output = await shell(command(BOOK, "5. Drop it from the CDN", "files:"), code=5)
    assert "Authentication error" in output.err
