-- How messages read at a contact method: their language, and whether others who see the screen may read the title.
alter table contact_method
    add column language text not null default 'en',
    add column privacy text not null default 'full' check (privacy in ('full', 'title_hidden'));
