-- Who is kept informed about incidents: audiences, customers with their contacts, and what each was sent.
create table audience_version (
    version int primary key check (version > 0),
    document jsonb not null,
    applied_at timestamptz not null,
    applied_by bigint references person,
    actor text not null
);

-- The version of the audiences that an incident was declared under; one without a row has no audience clocks.
create table audience_incident (
    incident_id bigint primary key references incident on delete cascade,
    version int not null
);

create table customer (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    created_at timestamptz not null
);
create unique index customer_name on customer (lower(name));

-- What a customer uses. A customer without a row uses everything.
create table customer_scope (
    customer_id bigint not null references customer on delete cascade,
    service_id bigint references service on delete cascade,
    component_id bigint references status_component on delete cascade,
    check (num_nonnulls(service_id, component_id) = 1)
);
create unique index customer_scope_service on customer_scope (customer_id, service_id)
    where service_id is not null;
create unique index customer_scope_component on customer_scope (customer_id, component_id)
    where component_id is not null;
create index customer_scope_of_service on customer_scope (service_id);
create index customer_scope_of_component on customer_scope (component_id);

create table customer_contact (
    id bigint generated always as identity primary key,
    customer_id bigint not null references customer on delete cascade,
    name text not null default '',
    address text not null check (address <> ''),
    created_at timestamptz not null,
    unique (customer_id, address)
);
create index customer_contact_address on customer_contact (address);

-- One post about an incident: what was sent at once. In a drill nothing of it is sent.
create table audience_post (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    moment text not null check (moment in ('first', 'update', 'end')),
    key text not null,
    is_drill boolean not null,
    created_at timestamptz not null,
    recalled_at timestamptz,
    actor text not null,
    actor_id bigint references person,
    unique (incident_id, key)
);

-- The text of a post for one audience, and how many got it.
create table audience_text (
    id bigint generated always as identity primary key,
    post_id bigint not null references audience_post on delete cascade,
    audience text not null,
    name text not null,
    is_external boolean not null,
    subject text not null,
    body text not null,
    recipients int not null,
    unique (post_id, audience)
);

-- One message to one address; an address gets each post once.
create table audience_delivery (
    id bigint generated always as identity primary key,
    text_id bigint not null references audience_text on delete cascade,
    post_id bigint not null references audience_post on delete cascade,
    address text not null,
    name text not null,
    customer text not null default '',
    state text not null check (state in ('queued', 'sent', 'failed', 'void')),
    send_at timestamptz not null,
    leased_until timestamptz,
    attempts int not null default 0,
    reason text not null default '',
    created_at timestamptz not null,
    sent_at timestamptz,
    unique (post_id, address)
);
create index audience_delivery_queue on audience_delivery (send_at, id) where state = 'queued';
create index audience_delivery_of_text on audience_delivery (text_id);
create index audience_delivery_age on audience_delivery (created_at);

insert into due (kind, key, due_at) values ('kit.retention', 'audience_delivery', now() + interval '1 day');
