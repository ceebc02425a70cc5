-- A form that was sent twice leads to its first result.
create table submitted_form (
    digest bytea primary key,
    location text not null default '',
    submitted_at timestamptz not null
);

create index submitted_form_submitted_at on submitted_form (submitted_at);

insert into due (kind, key, due_at) values ('kit.retention', 'submitted_form', now() + interval '1 day');
