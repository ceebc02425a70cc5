"""How long the results of requests are kept."""

from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.opsgenie.store import delete_results

RESULT_DAYS = 7


count_results = count_rows(
    """
    select
    from opsgenie_request
    where processed_at < $1
    limit $2
    """
)


RETENTIONS = (
    Retention(
        "opsgenie_request",
        RESULT_DAYS,
        by_index(delete_results),
        label="Results of Opsgenie requests",
        count=count_results,
    ),
)
