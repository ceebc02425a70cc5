"""The demo's runbooks: pushed by CI from a repository, with a commit that waits for a decision."""

from typing import TYPE_CHECKING

from firebell.demo import rule_file
from firebell.runbooks.sources import actions
from firebell.runbooks.sources.model import SourceKind

if TYPE_CHECKING:
    from firebell.demo.history import Past

FIRST_COMMIT = "b81e0aa4c2f7d90be1536a8f4e20c97d13ab5f60"
MOVING_COMMIT = "4f2c91e07ab35d28c6f19e04b7d8a2531c60ef94"

_TEXT = """---
triggers:
  - '{trigger}'
services: [{services}]
owner_team: {team}
---
# {title}

## Trigger

{when}

## Severity

SEV2. SEV1 if customers can't pay or can't log in.

## Prerequisites

Access to the {service} host, and `psql` or `kubectl`.

## Steps

### 1. Look at what is wrong

```bash
{look}
```

Expected: one line for each instance. If there is none, continue with step 2.

### 2. Fix it

```bash
{fix}
```

## Verification

```bash expect=/ok/
curl -fsS https://{service}.kestrel.example/healthz
```

## Rollback

```bash
{undo}
```

## Owner

{team}

## Last updated

{day}
"""
_RUNBOOKS = (
    (
        "payments-failover",
        "Payments failover",
        "Payments",
        "payments-gateway",
        'service="payments-gateway", severity="critical"',
        "payments-gateway, checkout-api",
        "The payment provider answers with errors for more than two minutes.",
        "kubectl -n payments get pods -l app=gateway",
        "kubectl -n payments set env deployment/gateway PROVIDER=secondary",
        "kubectl -n payments set env deployment/gateway PROVIDER=primary",
    ),
    (
        "cache-stampede",
        "Cache stampede",
        "Payments",
        "checkout-api",
        'service="checkout-api", title=~".*latency.*"',
        "checkout-api",
        "Checkout is slow, and the hit rate of the cache is below 60%.",
        "redis-cli info stats | grep keyspace",
        "redis-cli config set maxmemory-policy allkeys-lfu",
        "redis-cli config set maxmemory-policy volatile-lru",
    ),
    (
        "ledger-vacuum",
        "Ledger database: stop a runaway vacuum",
        "Payments",
        "ledger-db",
        'service="ledger-db"',
        "ledger-db",
        "Writes to the ledger wait, and a vacuum has run for more than an hour.",
        "psql -c 'select pid, query from pg_stat_activity where query ilike $$autovacuum%$$'",
        "psql -c 'select pg_cancel_backend(pid) from pg_stat_progress_vacuum'",
        "psql -c 'vacuum (analyze) ledger_entry'",
    ),
    (
        "shard-move",
        "Search shard move",
        "Search",
        "search",
        'service=~"search|catalog", severity="critical"',
        "search, catalog",
        "One shard answers slowly, and the others are idle.",
        "curl -fsS https://search.kestrel.example/_cat/shards",
        "curl -fsS -X POST https://search.kestrel.example/_cluster/reroute",
        "curl -fsS -X POST https://search.kestrel.example/_cluster/reroute?retry_failed",
    ),
    (
        "node-drain",
        "Drain a Kubernetes node",
        "Platform",
        "kubernetes",
        'service="kubernetes"',
        "kubernetes, edge",
        "A node reports memory or disk pressure.",
        "kubectl get nodes",
        "kubectl drain node-3 --ignore-daemonsets --delete-emptydir-data",
        "kubectl uncordon node-3",
    ),
)


async def set_up(past: "Past") -> None:
    """Push five runbooks and a draft, then a commit that moves them elsewhere and so waits for a decision."""
    now, mara = past.clock.now(), past.kestrel.actor("Mara")
    files = [
        (
            f"runbooks/{slug}.md",
            _TEXT.format(
                title=title,
                team=team,
                service=service,
                trigger=trigger,
                services=services,
                when=when,
                look=look,
                fix=fix,
                undo=undo,
                day=now.date().isoformat(),
            ),
        )
        for slug, title, team, service, trigger, services, when, look, fix, undo in _RUNBOOKS
    ]
    draft = ("runbooks/draft-dns.md", "Steps for DNS, to be written.\n")
    async with past.ctx.db.tx() as tx:
        source = await actions.add(
            tx, mara, SourceKind.PUSH, "Operations repository", now, paths=("**/*.md", "prometheus/*.yml")
        )
        first = [*files, draft, (rule_file.PATH, rule_file.TEXT)]
        for commit, pushed in ((FIRST_COMMIT, first), (MOVING_COMMIT, files[:1])):
            snapshot = await actions.pushed_snapshot(tx, mara, source.id, commit, pushed, now)
            prepared = await actions.prepare(snapshot.files, now)
            await actions.push(tx, mara, source.id, snapshot, prepared, now)
