"""The flood runbook against Debian's nginx, and a stand-in for Cloudflare."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers.cloudflare import cloudflare
from tests.peers.runbooks import Shell, block, command, own, place, program, runbook, server
from tests.servers import answers, free_port, listening, tree, until

pytestmark = pytest.mark.peers

BOOK = runbook("ddos-mitigation")
STEP = "3. Limit at the origin"


@dataclass(slots=True)
class Site:
    """A running nginx, its folder, and a shell in which `nginx` means this one."""

    folder: Path
    url: str
    shell: Shell

    @property
    def conf(self) -> Path:
        """The folder that stands for /etc/nginx."""
        return self.folder / "etc"

    def put(self, name: str, text: str) -> None:
        """Write a file of the configuration."""
        (self.conf / name).write_text(text, encoding="utf-8")
        own(self.conf / name)

    def limited(self) -> None:
        """Save both blocks of step 3 under the names that it gives them."""
        self.put("conf.d/00-flood.conf", block(BOOK, "nginx", STEP, "limit_req_zone"))
        self.put("flood-server.conf", block(BOOK, "nginx", STEP, "limit_req zone"))

    async def reload(self) -> None:
        """Reload the configuration of nginx with the check of the runbook."""
        async with self.reloaded():
            done = await self.shell(command(BOOK, STEP, "if nginx -t"))
        assert "STOP" not in done.err, done.err
        assert "test is successful" in done.err

    @asynccontextmanager
    async def reloaded(self) -> AsyncIterator[None]:
        """Run a block that reloads nginx; return once no worker with the old configuration is left."""
        pid = int((self.folder / "run" / "pid").read_text(encoding="ascii"))
        old = set(tree(pid)) - {pid}
        yield

        async def replaced() -> bool:
            workers = set(tree(pid)) - {pid}
            return bool(workers) and not workers & old

        await until(replaced, "nginx has new workers only")

    async def flood(self) -> dict[str, int]:
        """Return the count of each status among the 200 requests of the runbook."""
        done = await self.shell(command(BOOK, STEP, "seq 200"))
        lines = [line.split() for line in done.out.splitlines()]
        return {status: int(times) for times, status in lines}


def put_up(folder: Path, port: int) -> None:
    """Write a plain site, before any limits."""
    etc, run = folder / "etc", folder / "run"
    for made in (etc, etc / "conf.d", run, folder / "bin"):
        made.mkdir()
        own(made)
    temp = " ".join(f"{n}_temp_path {run}/{n};" for n in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (etc / "flood-server.conf").touch()
    own(etc / "flood-server.conf")
    (run / "ok").write_text("ok", encoding="utf-8")
    (etc / "nginx.conf").write_text(
        f"pid {run}/pid; error_log {run}/error.log; events {{}}\n"
        f"http {{ {temp} access_log {run}/access.log combined; include conf.d/*.conf;\n"
        f"server {{ listen 127.0.0.1:{port}; root {run}; include flood-server.conf;\n"
        "location = / { try_files /ok =404; } } }\n",
        encoding="utf-8",
    )
    wrapper = folder / "bin" / "nginx"
    wrapper.write_text(
        f'#!/bin/sh\nexec {program("nginx", "nginx")} -c {etc}/nginx.conf "$@"\n', encoding="utf-8"
    )
    wrapper.chmod(0o755)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """Run the site until the block ends."""
    async with AsyncExitStack() as on:
        folder = on.enter_context(place())
        port = free_port()
        put_up(folder, port)
        state = folder / "state"
        state.mkdir()
        own(state)
        url = f"http://127.0.0.1:{port}/"
        shell = Shell(
            folder,
            {
                "SITE_URL": url,
                "ACCESS_LOG": f"{folder}/run/access.log",
                "NGINX_DIR": f"{folder}/etc",
                "STATE": str(state),
                "TRUSTED": r"^192\.0\.2\.",
            },
        )
        path = await shell('printf %s "$PATH"')
        shell.env["PATH"] = f"{folder}/bin:{path.out}"
        nginx = program("nginx", "nginx")
        await on.enter_async_context(
            server(nginx, "-c", f"{folder}/etc/nginx.conf", "-g", "daemon off;", folder=folder)
        )
        await answers(url)
        yield Site(folder, url, shell)


async def test_the_limit_turns_a_flood_away_and_spares_the_trusted() -> None:
    async with site() as running:
        kept = await running.shell(command(BOOK, STEP, "nginx-before"))
        assert kept.out.split() == ["conf.d", "deny.conf", "flood-server.conf", "nginx.conf"]
        assert await running.flood() == {"200": 200}
        # a slow machine sends fewer than 10 requests a second, which is not a flood
        limits = block(BOOK, "nginx", STEP, "limit_req_zone")
        running.limited()
        running.put("conf.d/00-flood.conf", limits.replace("rate=10r/s", "rate=1r/s"))
        await running.reload()
        statuses = await running.flood()
        assert set(statuses) == {"200", "429"}
        assert 100 <= statuses["200"] < 200
        refused = await running.shell(command(BOOK, "Verification", "refused"))
        assert refused.out.split()[:2] == [str(statuses["429"]), "127.0.0.1"]
        running.limited()
        await running.reload()
        await asyncio.sleep(2.5)
        assert (await running.shell(command(BOOK, "Verification", "--max-time"))).out.count("200 0.") == 5

        text = limits.replace("192.0.2.0/24 1;", "127.0.0.0/8 1;")
        running.put("conf.d/00-flood.conf", text)
        await running.reload()
        assert await running.flood() == {"200": 200}


async def test_unwanted_programs_and_denied_addresses_are_blocked_and_unblocked() -> None:
    async with site() as running:
        await running.shell(command(BOOK, STEP, "nginx-before"))
        running.limited()
        await running.reload()
        ask = 'curl -sS -o /dev/null -w \'%{http_code}\' -A "$AGENT" "$SITE_URL"'
        assert (await running.shell(ask, AGENT="Mozilla/5.0 zgrab/0.x")).out == "403"
        assert (await running.shell(ask, AGENT="Mozilla/5.0")).out == "200"

        line = '{} - - [24/Nov/2026:03:1{}:00 +0000] "GET /search?q={} HTTP/1.1" 200 2 "-" "zgrab"\n'
        flood = [line.format(f"203.0.113.{n % 2 + 1}", n % 3, n) for n in range(2400)]
        flood += [line.format("192.0.2.9", 4, n) for n in range(1200)]
        flood += [line.format("127.0.0.1", 4, n) for n in range(1001)]
        Path(running.shell.env["ACCESS_LOG"]).write_text("".join(flood), encoding="utf-8")
        kind = (await running.shell(command(BOOK, "2. See what kind", "== addresses"))).out
        assert "1200 203.0.113.1\n" in kind
        assert "2400 203.0.113.0/24\n" in kind
        assert "4601 /search\n" in kind
        assert "4601 zgrab\n" in kind
        assert "1200 192.0.2.9\n" in kind
        busiest = command(BOOK, "4. Shut out the few", "MIN_REQUESTS")
        listed = await running.shell(busiest)
        assert listed.out.split("\n")[0].strip() == "3"
        denied = (running.folder / "state" / "deny.new").read_text(encoding="utf-8").splitlines()
        assert sorted(denied) == ["127.0.0.1 1;", "203.0.113.1 1;", "203.0.113.2 1;"]
        async with running.reloaded():
            await running.shell(command(BOOK, "4. Shut out the few", "STOP: put back"))
        shut = await running.shell(ask, code=52, AGENT="Mozilla/5.0")
        assert shut.out == "000"

        async with running.reloaded():
            await running.shell(command(BOOK, "Rollback", "deny.conf"))
        assert (await running.shell(ask, AGENT="Mozilla/5.0")).out == "200"


async def test_a_configuration_that_is_wrong_is_never_reloaded() -> None:
    async with site() as running:
        await running.shell(command(BOOK, STEP, "nginx-before"))
        running.put("conf.d/00-flood.conf", "limit_req_zone nonsense;")
        stopped = await running.shell(command(BOOK, STEP, "if nginx -t"))
        assert "STOP: the configuration is wrong" in stopped.err
        assert await running.flood() == {"200": 200}

        running.limited()
        await running.reload()
        (running.folder / "state" / "deny.new").write_text("no address 1;\n", encoding="utf-8")
        back = await running.shell(command(BOOK, "4. Shut out the few", "STOP: put back"))
        assert "STOP: put back" in back.err
        assert (running.conf / "deny.conf").read_text(encoding="utf-8") == ""


async def test_only_the_edge_reaches_the_origin_and_an_empty_list_shuts_no_one_out() -> None:
    async def lists(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        nets = [f"198.51.{n}.0/24" for n in range(11)] if path == b"/v4" else ["2001:db8::/32"]
        body = "\n".join(nets if path != b"/none" else ["<html>"]).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        await writer.drain()

    async with site() as running, listening(lists) as port:
        await running.shell(command(BOOK, STEP, "nginx-before"))
        running.put("edge.conf", "127.0.0.0/8 1;\n")
        running.put("conf.d/00-flood.conf", block(BOOK, "nginx", "7. Let only the edge", "$from_edge"))
        running.put("flood-server.conf", "if ($from_edge = 0) { return 444; }\n")
        await running.reload()
        assert await running.flood() == {"200": 200}
        take = command(BOOK, "7. Let only the edge", "EDGE_LISTS")
        base = f"http://127.0.0.1:{port}"
        running.put("conf.d/01-broken.conf", "nonsense;")
        broken = await running.shell(take, code=1, EDGE_LISTS=f"{base}/v4 {base}/v6")
        assert "STOP: put back" in broken.err
        assert (running.conf / "edge.conf").read_text(encoding="utf-8") == "127.0.0.0/8 1;\n"
        (running.conf / "conf.d/01-broken.conf").unlink()
        kept = await running.shell(take, code=1, EDGE_LISTS=f"{base}/none")
        assert kept.out.strip() == "0"
        assert (running.conf / "edge.conf").read_text(encoding="utf-8") == "127.0.0.0/8 1;\n"
        async with running.reloaded():
            taken = await running.shell(take, EDGE_LISTS=f"{base}/v4 {base}/v6")
        assert taken.out.strip() == "12"
        ask = 'curl -sS -o /dev/null "$SITE_URL"'
        assert "Empty reply" in (await running.shell(ask, code=52)).err


async def test_the_edge_is_set_and_set_back_to_what_it_was() -> None:
    async with cloudflare() as edge:
        with place() as folder:
            shell = Shell(folder, {**edge.env, "STATE": str(folder), "ATTACKED_PATH": '/se"arch'})
            step = "5. Filter at Cloudflare"
            assert (await shell(command(BOOK, step, '>"$STATE/security_level"'))).out == "medium\n"
            on = await shell(command(BOOK, step, "under_attack"))
            assert (on.out.split(), edge.level) == (["true", "under_attack"], "under_attack")
            assert (await shell(command(BOOK, step, "managed_challenge"))).out.split() == ["true"]
            assert [r["description"] for r in edge.rules] == [
                "before",
                "incident: challenge the attacked path",
            ]
            assert edge.rules[1]["expression"] == '(http.request.uri.path eq "/se\\"arch")'
            assert edge.rules[1]["action"] == "managed_challenge"

            # someone in a hurry runs the block once more
            again = await shell(command(BOOK, step, '>"$STATE/security_level"'))
            assert again.out == "medium\n"
            off = await shell(command(BOOK, "Rollback", "cloudflare-rules"))
            assert off.out.split() == ["true", "true", "medium"]
            assert (edge.level, [r["id"] for r in edge.rules]) == ("medium", ["theirs"])
            assert json.loads(edge.calls[-1].body) == {"value": "medium"}


async def test_a_rule_that_was_made_twice_is_gone_after_the_rollback() -> None:
    async with cloudflare() as edge:
        with place() as folder:
            shell = Shell(folder, {**edge.env, "STATE": str(folder), "ATTACKED_PATH": "/search"})
            step = "5. Filter at Cloudflare"
            await shell(command(BOOK, step, '>"$STATE/security_level"'))
            for _ in range(2):
                await shell(command(BOOK, step, "managed_challenge"))
            edge.error = {"code": 10429, "message": "Too many requests"}
            await shell(command(BOOK, step, "managed_challenge"), code=1)
            edge.error = None
            await shell(command(BOOK, "Rollback", "cloudflare-rules"))
            assert edge.rules == [{"id": "theirs", "description": "before"}]


async def test_a_rollback_that_cannot_read_the_rules_stops_and_says_so() -> None:
    async with cloudflare() as edge:
        with place() as folder:
            shell = Shell(folder, {**edge.env, "STATE": str(folder), "ATTACKED_PATH": "/search"})
            await shell(command(BOOK, "5. Filter at Cloudflare", "managed_challenge"))
            edge.error = {"code": 10000, "message": "Authentication error"}
            off = await shell(command(BOOK, "Rollback", "cloudflare-rules"), code=1)
            assert "STOP: " in off.err
            assert "no rule" not in off.out


async def test_under_attack_mode_waits_until_the_way_back_is_known() -> None:
    async with cloudflare() as edge:
        with place() as folder:
            shell = Shell(folder, {**edge.env, "STATE": str(folder)})
            edge.error = {"code": 10000, "message": "Authentication error"}
            await shell(command(BOOK, "5. Filter at Cloudflare", '>"$STATE/security_level"'))
            edge.error = None
            await shell(command(BOOK, "5. Filter at Cloudflare", "under_attack"), code=1)
            assert edge.level == "medium"


async def test_a_rollback_after_the_rule_was_refused_deletes_nothing() -> None:
    async with cloudflare() as edge:
        with place() as folder:
            shell = Shell(folder, {**edge.env, "STATE": str(folder), "ATTACKED_PATH": "/search"})
            step = "5. Filter at Cloudflare"
            await shell(command(BOOK, step, '>"$STATE/security_level"'))
            edge.error = {"code": 10000, "message": "Authentication error"}
            await shell(command(BOOK, step, "managed_challenge"), code=1)
            edge.error = None
            off = await shell(command(BOOK, "Rollback", "cloudflare-rules"))
            assert off.out.splitlines()[-2:] == ["true", "medium"]
            assert [c.method for c in edge.calls if c.method == "DELETE"] == []
            assert edge.rules == [{"id": "theirs", "description": "before"}]


async def test_one_honest_browser_with_http_2_is_not_limited() -> None:
    async with site() as running:
        await running.shell(command(BOOK, STEP, "nginx-before"))
        running.limited()
        port = free_port()
        await running.shell(
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key -out cert 2>&1"
        )
        running.put(
            "conf.d/10-http2.conf",
            f"server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {running.folder}/cert;"
            f" ssl_certificate_key {running.folder}/key; root {running.folder}/run; include flood-server.conf; }}",
        )
        await running.reload()
        page = f'url = "https://127.0.0.1:{port}/ok"\noutput = "/dev/null"\n' * 40
        (running.folder / "page").write_text(page, encoding="utf-8")
        own(running.folder / "page")
        done = await running.shell(
            "curl -sSk --http2 -Z --parallel-max 40 -w '%{http_version} %{http_code}\\n' -K page | sort | uniq -c"
        )
        assert done.out.split() == ["40", "2", "200"]


async def test_nothing_of_the_edge_takes_the_trusted_or_a_payment_callback_away() -> None:
    async with site() as running:
        await running.shell(command(BOOK, STEP, "nginx-before"))
        running.limited()
        running.put("deny.conf", "127.0.0.1 1;\n")
        await running.reload()
        ask = 'curl -sS -o /dev/null -w \'%{http_code}\' -A "$AGENT" "$SITE_URL"'
        assert (await running.shell(ask, code=52, AGENT="")).out == "000"
        text = block(BOOK, "nginx", STEP, "limit_req_zone").replace("192.0.2.0/24 1;", "127.0.0.0/8 1;")
        running.put("conf.d/00-flood.conf", text)
        await running.reload()
        for agent in ("", "zgrab"):
            assert (await running.shell(ask, AGENT=agent)).out == "200"
        running.put("deny.conf", "")
        running.put("conf.d/00-flood.conf", block(BOOK, "nginx", STEP, "limit_req_zone"))
        await running.reload()
        assert (await running.shell(ask, AGENT="")).out == "200"


async def test_the_limits_fit_into_the_configuration_that_nginx_ships() -> None:
    async with site() as running:
        await running.shell(command(BOOK, STEP, "nginx-before"))
        stock = (running.conf / "nginx.conf").read_text(encoding="utf-8")
        running.put("nginx.conf", stock.replace("http {", "http { keepalive_timeout 65; sendfile on;", 1))
        running.limited()
        await running.reload()


ACL = {
    "Name": "edge",
    "Id": "1",
    "Description": "of the shop",
    "DefaultAction": {"Allow": {}},
    "VisibilityConfig": {"MetricName": "edge"},
    "TokenDomains": ["example.org"],
    "CaptchaConfig": {"ImmunityTimeProperty": {"ImmunityTime": 60}},
}


@pytest.mark.parametrize("first", [0, 5])
async def test_an_acl_of_aws_keeps_every_rule_and_setting_it_had(first: int) -> None:
    rules = [{"Name": "a", "Priority": first}, {"Name": "b", "Priority": first + 1}]
    with place() as folder:
        before = folder / "waf-before.json"
        before.write_text(json.dumps({"WebACL": {**ACL, "Rules": rules}, "LockToken": "t"}), encoding="utf-8")
        shell = Shell(folder, {"STATE": str(folder), "WAF_SCOPE": "REGIONAL"})
        await shell(command(BOOK, "6. Filter at AWS", "WAF_LIMIT"))
        update = json.loads((folder / "waf-update.json").read_text(encoding="utf-8"))
        assert [r["Name"] for r in update["Rules"]] == ["incident-rate", "a", "b"]
        priorities = [r["Priority"] for r in update["Rules"]]
        assert priorities == sorted(set(priorities))
        assert {k: update[k] for k in ACL} == ACL
        assert (update["LockToken"], update["Scope"]) == ("t", "REGIONAL")
