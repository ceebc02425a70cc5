"""The numbers of the home page, in the memory of this process until a fact changes, and for a minute at most."""

from collections import OrderedDict
from collections.abc import Hashable
from weakref import WeakKeyDictionary

from firebell.incidents import actions as incidents
from firebell.kit import private_reader
from firebell.kit.db.database import Db, Tx
from firebell.metrics import queries
from firebell.metrics.facts import store as fact_store
from firebell.metrics.model import Scope
from firebell.metrics.queries import Home

MAX_KEPT = 64
KEPT_S = 60

_kept: WeakKeyDictionary[Db, OrderedDict[Hashable, Home]] = WeakKeyDictionary()


async def home(db: Db, tx: Tx, scope: Scope) -> Home:
    """Return the numbers of the home page.

    Numbers with a private incident are never kept: only those that everyone may read are.
    """
    with private_reader.as_reader(private_reader.NO_ONE):
        private = await incidents.hidden_ids(tx)
    if not set(private) <= set(scope.hidden):
        return await queries.home(tx, scope)
    progress = await fact_store.progress(tx)
    window = scope.window
    key = (
        *(
            progress.version,
            int(scope.now.timestamp()) // KEPT_S,
            window.start,
            window.end,
            window.before_start,
        ),
        *(window.zone, scope.team_id, scope.service_id, scope.severity, scope.type, tuple(sorted(private))),
    )
    kept = _kept.setdefault(db, OrderedDict())
    if key in kept:
        kept.move_to_end(key)
        return kept[key]
    kept[key] = await queries.home(tx, scope)
    while len(kept) > MAX_KEPT:
        kept.popitem(last=False)
    return kept[key]
