-- When the event that set an alert's order key arrived, the order of the last event that was late since, and
-- whether the alert fired with an older time than its end (A-MISSED, spec 3.2).
alter table alert
    add column hi_seen timestamptz not null default 'epoch',
    add column late_at timestamptz,
    add column late_rank smallint,
    add column missed boolean not null default false;
alter table alert alter column hi_seen drop default;
