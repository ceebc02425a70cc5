-- A renamed service still gets the alerts that name it as before; names are in lower case. A deleted service keeps its
-- row for its pages, alerts and incidents, under an address that leaves its own to others.
alter table service
    add column earlier_names text[] not null default '{}',
    add column deleted_at timestamptz;
create index service_earlier_names on service using gin (earlier_names);
