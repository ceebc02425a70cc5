-- Whether a run exercised its runbook: it ended well, was not dry, and did most of its steps. Stored with the run, so that
-- ranking the runbooks of a page reads one index entry for each.
alter table runbook_run add column is_exercise boolean not null default false;

update runbook_run
set is_exercise = true
from (
    select
        run_id,
        count(*) as steps,
        count(*) filter (where state = 'done') as steps_done
    from runbook_step
    where part <> 'Rollback'
    group by run_id
) step
where step.run_id = runbook_run.id
    and runbook_run.state in ('succeeded', 'rolled_back')
    and not runbook_run.is_dry
    and step.steps_done >= 0.8 * step.steps;

create index runbook_run_exercises on runbook_run (slug, ended_at desc) where is_exercise;
