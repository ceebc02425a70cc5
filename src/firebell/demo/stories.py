"""What went wrong at Kestrel in a year, and what was learnt: the plots that the demo plays."""

from dataclasses import dataclass

ALERTS = {
    "checkout-api": ("5xx ratio above 5%", "p99 latency above 2 s", "Card declines above 20%"),
    "payments-gateway": ("Timeouts to the acquirer", "Refund queue above 1,000"),
    "ledger-db": ("Replication lag above 30 s", "Disk 90% full", "Connections above 400"),
    "edge": ("TLS certificate expires in 6 days", "Error rate in eu-north"),
    "kubernetes": ("Node not ready", "Pods restart in a loop"),
    "notifications": ("Queue depth above 40,000", "Push provider answers 503"),
    "search": ("p99 latency above 2 s in eu-north", "Index lag above 10 min"),
    "catalogue": ("Feed import failed", "Cache hit ratio below 60%"),
}
WHY_IT_MATTERS = {
    "checkout-api": "Customers cannot pay, or have to try again.",
    "payments-gateway": "Payments and refunds wait at the acquirer.",
    "ledger-db": "Balances may read stale. Refunds pause at 120 s.",
    "edge": "Everything behind it becomes slow or unreachable in one region.",
    "kubernetes": "Capacity shrinks; the next node would take checkout with it.",
    "notifications": "Customers are not told where their parcel is.",
    "search": "Customers find nothing, and half of them leave.",
    "catalogue": "Prices and stock may be yesterday's.",
}


@dataclass(frozen=True, slots=True)
class Story:
    """One incident from its cause to what was learnt; a why is an answer to "what made this possible?"."""

    title: str
    service: str
    severity: int
    cause: str
    fix: str
    impact: str
    whys: tuple[str, ...]
    wrong: str
    actions: tuple[tuple[str, str], ...]


STORIES = (
    Story(
        "Card payments fail for a part of customers",
        "checkout-api",
        1,
        "A build opened too many connections to the ledger",
        "Rolled the build back",
        "Every sixth card payment failed; wallets and invoices worked.",
        (
            "The connection pool was sized per worker, and the build doubled the workers.",
            "Nothing compared the sum of all pools with what the database accepts.",
            "The load test ran against a database with ten times the limit.",
        ),
        "The first alert named latency, so the first ten minutes went to the network.",
        (("Alert on pool saturation, not on latency alone", "Tomás Rivera"),
         ("Run the load test with production limits", "Priya Nair")),
    ),
    Story(
        "Search index corrupted after a shard move",
        "search",
        2,
        "The move ran during compaction",
        "Restored the index from the snapshot",
        "Searches in eu-north missed a third of articles.",
        (
            "The move script did not ask whether a compaction was running.",
            "The runbook was written before compaction became automatic.",
            "Nobody owns runbooks after the project that wrote them ends.",
        ),
        "The snapshot was nine hours old; we were lucky that the feed could be replayed.",
        (("Make the move tool refuse during compaction", "Noor Haddad"),
         ("Take a snapshot before every move", "Lena Fischer")),
    ),
    Story(
        "Delayed delivery notifications in Iberia",
        "notifications",
        3,
        "One consumer was stuck on a malformed message",
        "Moved the message aside and drained the queue",
        "Messages came up to 50 minutes late.",
        ("The consumer retried for ever.",),
        "The queue alert was set to a depth that a normal Friday reaches.",
        (("Give every consumer a dead-letter queue", "Aiko Tanaka"),),
    ),
    Story(
        "All of checkout unreachable",
        "edge",
        0,
        "A route was withdrawn twice by two automations",
        "Moved traffic to the second region",
        "Nobody could buy anything for the whole time.",
        (
            "Two automations managed the same route and did not know of each other.",
            "The old one was to be switched off after the migration, and that had no owner.",
            "Our inventory lists services, not automations.",
        ),
        "The status page ran in the region that was gone, so customers saw nothing.",
        (("Switch the old route automation off", "Sam Whitfield"),
         ("Host the status page outside both regions", "Lena Fischer"),
         ("List automations in the service catalog", "Ewa Kowalska")),
    ),
    Story(
        "Refunds stuck for two hours",
        "payments-gateway",
        2,
        "A lock was never released after a timeout",
        "Released the lock and restarted the settlement job",
        "Refunds of 412 customers were paid two hours late.",
        ("The job took the lock before it had a connection.", "No test lets the connection fail there."),
        "The job's log said nothing while it waited.",
        (("Let the lock expire with its owner", "Jun Okafor"),),
    ),
    Story(
        "Ledger replica behind by an hour",
        "ledger-db",
        1,
        "A report held back replay with one long query",
        "Cancelled the query and promoted the second replica",
        "Balances in the app were up to an hour old; no money moved wrongly.",
        (
            "Reports may run on the replica that answers customers.",
            "The second replica was too small to take both kinds of reader.",
            "Its size was set when reports ran once a month.",
        ),
        "The lag alert was acknowledged as known, because it fires at every month's end.",
        (("Give reports a replica of their own", "Priya Nair"),
         ("Lower the lag alert to 30 s outside month's end", "Tomás Rivera")),
    ),
    Story(
        "Product feed missing 8% of articles",
        "catalogue",
        2,
        "A field grew past its limit and the importer dropped the row",
        "Widened the field and imported the feed again",
        "8% of articles could not be found or bought.",
        ("The importer counts rows it read, not rows it kept.",),
        "A customer found it before we did.",
        (("Compare rows read with rows kept, and alert", "Noor Haddad"),),
    ),
)  # fmt: skip


def write_up(draft: str, story: Story, due: str) -> str:
    """Return a draft with its questions answered the way people answer them in a good review."""
    whys = "\n".join(f"{i}. What made this possible? {why}" for i, why in enumerate(story.whys, 1))
    rows = "\n".join(f"| {what} | {who} | {due} | - |" for what, who in story.actions)
    unanswered = "\n".join(f"{i}. What made this possible? _..._" for i in range(1, 6))
    text = draft.replace(unanswered, whys, 1)
    text = text.replace(unanswered, f"1. What made this possible? {story.wrong}", 1)
    for question, answer in (
        (
            "_In three sentences: what happened, whom it touched, what ended it._",
            f"{story.title}. {story.impact}",
        ),
        (
            "_Which mitigation helped? None that was recorded is known to have ended the impact._",
            story.fix,
        ),
        ("_Who could not do what, how many, for how long?_", story.impact),
        ("_What set it off, and when?_", f"{story.cause}."),
        ("\n\nDetection: _What noticed it first, and what could have noticed it earlier?_", ""),
        ("\n\nLinks: _graphs, logs, changes and the incident's channel._", ""),
        ("_What got in the way?_\n- _Where were we lucky?_", story.wrong),
        ("| _A verb and an object_ | _a person_ | _a date_ | _a link_ |", rows),
    ):
        text = text.replace(question, answer)
    return text
