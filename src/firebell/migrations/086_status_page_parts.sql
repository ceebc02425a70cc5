-- How the statuses of components become the one indicator of a page, and the links at its foot.
alter table status_page add column indicator_rule text not null default 'blend'
    check (indicator_rule in ('blend', 'worst'));
alter table status_page_theme add column footer_links jsonb not null default '[]';

-- Names and descriptions in other languages: {"de": {"name": "...", "description": "..."}}.
alter table status_component add column only_if_affected boolean not null default false;
alter table status_component add column translations jsonb not null default '{}';
alter table status_component_group add column description text not null default '';
alter table status_component_group add column translations jsonb not null default '{}';

-- Contacts get what was translated in their language; an empty one is that of the text.
alter table customer_contact add column locale text not null default '';
alter table audience_text add column translations jsonb not null default '{}';
alter table audience_delivery add column locale text not null default '';
