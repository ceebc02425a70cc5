-- The rule files of a source at its last commit, as they are, with the names of their alerts; alert audits read them.
create table rule_file (
    source_id bigint not null references runbook_source on delete cascade,
    path text not null,
    body text not null check (body <> ''),
    alert_names text[] not null,
    primary key (source_id, path)
);
create index rule_file_alert_names on rule_file using gin (alert_names);
