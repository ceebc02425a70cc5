-- What on-call knows of pages: when an urgent one reached whom, for the rest after a bad night.
create view urgent_call as
    select d.person_id, d.page_id, d.sent_at as at
    from delivery d join page p on p.id = d.page_id
    where d.state = 'accepted' and d.page_id is not null and p.urgency = 'high';

-- What the clocks of a schedule's zones were known to do when its layers were saved or looked at last.
alter table schedule add column clocks jsonb not null default '{}';
insert into due (kind, key, due_at) select 'oncall.clocks', 'all', now() from schedule limit 1;

-- A deleted schedule is not shown and has no shift from then on; its past stays, for reports and pay.
alter table schedule add column archived_at timestamptz;
