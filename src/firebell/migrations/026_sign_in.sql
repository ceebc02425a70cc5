-- Sessions say where they are used and when; `expires_at` moves with use, so that one index prunes both limits.
alter table session
    add column id bigint generated always as identity,
    add column user_agent text not null default '',
    add column address text not null default '',
    add column last_used_at timestamptz;
update session set last_used_at = created_at;
alter table session alter column last_used_at set not null;
create unique index session_id on session (id);
create index session_of_person on session (person_id);
create index session_expires on session (expires_at);

-- Failed sign-ins of one account, one known browser, one address; `spent_until` is the budget, a virtual clock:
-- each failure moves it forward, and whoever is too far ahead of the present has to wait.
create table sign_in_limit (
    scope text not null check (scope in ('account', 'device', 'address', 'unknown')),
    subject bytea not null,
    spent_until timestamptz not null,
    failures int not null default 0,
    refusals int not null default 0,
    forget_at timestamptz not null,
    primary key (scope, subject)
);
create index sign_in_limit_forget on sign_in_limit (forget_at);

-- What acts for people who left before this version ends now, as it does for whoever leaves from now on.
update api_key set revoked_at = now()
where revoked_at is null
and person_id in (select id from person where not active);
update calendar_feed set revoked_at = now()
where revoked_at is null
and created_by in (select id from person where not active);
update delivery set state = 'void'
where state = 'queued'
and person_id in (select id from person where not active);
