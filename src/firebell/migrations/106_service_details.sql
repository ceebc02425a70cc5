-- What people write about a service: its tier, labels (name to value) and links (title and address).
alter table service
    add column tier smallint check (tier between 1 and 3),
    add column labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
    add column links jsonb not null default '[]' check (jsonb_typeof(links) = 'array');
