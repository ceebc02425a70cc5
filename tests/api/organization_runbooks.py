"""The runbooks of the full organization: an own text, and a repository whose last commit waits for a decision."""

from firebell.kit.db.database import Tx
from firebell.runbooks import actions as runbooks
from firebell.runbooks.sources import actions as runbook_sources
from firebell.runbooks.sources import store as source_store
from firebell.runbooks.sources.model import PendingCommit, SourceKind
from tests.world import World


async def add_runbooks(tx: Tx, w: World, slug: str) -> dict[str, str]:
    """Save the default runbook `slug` as an own one, add a repository, and return the secrets of both."""
    mara = await w.actor(w.mara)
    await runbooks.save(tx, mara, slug, (await runbooks.runbook(tx, slug)).body, w.now)
    url, token = "https://git.example.org/ops/runbooks.git", "the-s3cret-token"
    source = await runbook_sources.add(tx, mara, SourceKind.GIT, "Ops", w.now, url=url, token=token)
    pending = PendingCommit("4f2c91e", "Sam", "Move", w.now, ["disk-full"], 1)
    await source_store.change(tx, source.id, pending=pending)
    return {
        "token of a repository": token,
        "secret of a repository's webhook": await source_store.open_hook_secret(tx, source.id),
    }
