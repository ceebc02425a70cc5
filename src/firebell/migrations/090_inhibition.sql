-- While a source of a rule fires, alerts that are its targets page no one. What a source holds back is a mute; it ends
-- when the last source does. Targets wait for their source in a mute that ends after some seconds.
create table inhibition_rule (
    id bigint generated always as identity primary key,
    name text not null,
    source_matchers text not null,
    target_matchers text not null,
    equal text[] not null,
    wait_s int not null check (wait_s between 0 and 60),
    author text not null,
    created_at timestamptz not null
);

alter table alert_mute
    drop constraint alert_mute_kind_check,
    add constraint alert_mute_kind_check
        check (kind in ('maintenance', 'silence', 'inhibition', 'inhibit_wait')),
    -- alerts that meet these matchers are not muted
    add column excluded text not null default '',
    -- one for each rule and values of its equal labels
    add column inhibition_key bytea,
    -- no foreign key: a process that does not know yet that a rule was deleted must not fail to store alerts
    add column inhibition_rule_id bigint;
create unique index alert_mute_of_key on alert_mute (inhibition_key) where ended_at is null;
create index alert_mute_of_rule on alert_mute (inhibition_rule_id) where inhibition_rule_id is not null;

-- The firing alerts for which a mute runs.
create table inhibition_source (
    mute_id bigint not null references alert_mute on delete cascade,
    alert_id bigint not null references alert on delete cascade,
    primary key (mute_id, alert_id)
);
create index inhibition_source_of_alert on inhibition_source (alert_id);
