"""The incidents of the demo: what happened at Kestrel in a year, and what was learned."""

import re
from dataclasses import dataclass

ALERTS = {
    "checkout-api": ("5xx ratio above 5%", "p99 latency above 2 s", "Card declines above 20%"),
    "payments-gateway": ("Timeouts to the acquirer", "Refund queue above 1,000"),
    "ledger-db": ("Replication lag above 30 s", "Disk 90% full", "Connections above 400"),
    "edge": ("TLS certificate expires in 6 days", "Error rate in eu-north"),
    "kubernetes": ("Node not ready", "Pods crash-looping"),
    "notifications": ("Queue depth above 40,000", "Push provider returns 503"),
    "search": ("p99 latency above 2 s in eu-north", "Index lag above 10 min"),
    "catalog": ("Feed import failed", "Cache hit ratio below 60%"),
}
IMPACTS = {
    "checkout-api": "Customers can't pay, or have to retry.",
    "payments-gateway": "Payments and refunds are stuck at the acquirer.",
    "ledger-db": "Balances may be stale. Refunds pause when the lag reaches 120 s.",
    "edge": "Everything behind the edge is slow or unreachable in one region.",
    "kubernetes": "Capacity is reduced. Losing another node would take checkout down.",
    "notifications": "Customers don't get updates about their deliveries.",
    "search": "Searches return no results, and half of the customers leave.",
    "catalog": "Prices and stock levels may be a day old.",
}


@dataclass(frozen=True, slots=True)
class Story:
    """One incident, from its cause to its action items; each why answers "What made this possible?"."""

    title: str
    service: str
    severity: int
    cause: str
    fix: str
    impact: str
    whys: tuple[str, ...]
    wrong: str
    actions: tuple[tuple[str, str], ...]


_GAP = re.compile(r"^- _What happened between .*\n", re.MULTILINE)
STORIES = (
    Story(
        "Card payments fail for some customers",
        "checkout-api",
        1,
        "A build opened too many connections to the ledger",
        "Rolled the build back",
        "One in six card payments failed; wallet and invoice payments worked.",
        (
            "The connection pool was sized per worker, and the build doubled the workers.",
            "Nothing compares the total size of all pools with the database's connection limit.",
            "The load test ran against a database with ten times that limit.",
        ),
        "The first alert was about latency, so we spent ten minutes looking at the network.",
        (("Alert on pool saturation, not on latency alone", "Tomás Rivera"),
         ("Run the load test with production limits", "Priya Nair")),
    ),
    Story(
        "Search index corrupted after a shard move",
        "search",
        2,
        "The move ran during compaction",
        "Restored the index from the snapshot",
        "Searches in eu-north missed a third of all products.",
        (
            "The move script didn't check whether a compaction was running.",
            "The runbook was written before compaction became automatic.",
            "Runbooks have no owner once the project that wrote them ends.",
        ),
        "The snapshot was nine hours old. We were lucky that the feed could be replayed.",
        (("Make the move tool refuse during compaction", "Noor Haddad"),
         ("Take a snapshot before every move", "Lena Fischer")),
    ),
    Story(
        "Delayed delivery notifications in Iberia",
        "notifications",
        3,
        "One consumer was stuck on a malformed message",
        "Moved the message aside and drained the queue",
        "Messages arrived up to 50 minutes late.",
        ("The consumer retried forever.",),
        "The queue alert fires on any normal Friday, so it was ignored at first.",
        (("Give every consumer a dead-letter queue", "Aiko Tanaka"),),
    ),
    Story(
        "All of checkout unreachable",
        "edge",
        0,
        "Two automations withdrew the same route",
        "Moved traffic to the second region",
        "No one could buy anything until it was fixed.",
        (
            "Two automations managed the same route without knowing about each other.",
            "The old one should have been turned off after the migration, but that task had no owner.",
            "Our inventory lists services, not automations.",
        ),
        "The status page ran in the region that was down, so customers couldn't see it.",
        (("Turn off the old route automation", "Sam Whitfield"),
         ("Host the status page outside both regions", "Lena Fischer"),
         ("List automations in the service catalog", "Ewa Kowalska")),
    ),
    Story(
        "Refunds stuck for two hours",
        "payments-gateway",
        2,
        "A lock was never released after a timeout",
        "Released the lock and restarted the settlement job",
        "412 customers got their refunds two hours late.",
        ("The job takes the lock before it has a connection.", "No test covers a failing connection at that point."),
        "The job logged nothing while it was waiting.",
        (("Release the lock when its owner dies", "Jun Okafor"),),
    ),
    Story(
        "Ledger replica behind by an hour",
        "ledger-db",
        1,
        "A long report query blocked replay",
        "Canceled the query and promoted the second replica",
        "Balances in the app were up to an hour old. No payments were wrong.",
        (
            "Reports can run on the replica that serves customers.",
            "The second replica was too small for both kinds of queries.",
            "It was sized when reports ran once a month.",
        ),
        "The lag alert was acknowledged as a known issue, because it fires at the end of every month.",
        (("Set up a separate replica for reports", "Priya Nair"),
         ("Lower the lag alert to 30 s, except at month end", "Tomás Rivera")),
    ),
    Story(
        "Product feed missing 8% of products",
        "catalog",
        2,
        "A field exceeded its maximum length, and the importer dropped those rows",
        "Raised the maximum length and imported the feed again",
        "8% of products couldn't be found or bought.",
        ("The importer counts the rows it reads, not the rows it keeps.",),
        "A customer noticed it before we did.",
        (("Alert when the importer drops rows", "Noor Haddad"),),
    ),
)  # fmt: skip


def write_up(draft: str, story: Story, due: str) -> str:
    """Return a draft with its questions answered, as in a good post-mortem."""
    whys = "\n".join(f"{i}. What made this possible? {why}" for i, why in enumerate(story.whys, 1))
    rows = "\n".join(f"| {what} | {who} | {due} | - |" for what, who in story.actions)
    unanswered = "\n".join(f"{i}. What made this possible? _..._" for i in range(1, 6))
    text = draft.replace(unanswered, whys, 1)
    text = text.replace(unanswered, f"1. What made this possible? {story.wrong}", 1)
    for question, answer in (
        (
            "_In three sentences: what happened, who was affected, what ended it._",
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
    text = _GAP.sub("", text)
    return text.replace(
        "- open: _What made this possible?_", f"- root: {story.whys[-1]} (factor: latent.design)"
    )
