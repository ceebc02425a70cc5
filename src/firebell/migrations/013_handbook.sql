-- Templates that an organisation words itself; one without a row here is the shipped text.
create table own_template (
    id text primary key check (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    body text not null check (body <> ''),
    -- who keeps it: people in the app, or a Git repository that is applied
    source text not null check (source in ('app', 'git')),
    changed_by text not null,
    changed_at timestamptz not null
);
