-- The facts of all incidents are computed again in the background, because their rules changed: while an incident is
-- closed before it is reopened, no one is present and no update is due, and the first publication of a post-mortem
-- counts. The nightly comparison reaches back only 35 days. Votes and messages have no log: they are read from
-- `refreshed_at` on, so it stays.
update metric_progress
set entry_id = 0,
    version = version + 1;
