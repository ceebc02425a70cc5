-- When a post-mortem was first published: published_at is when its last revision was. One that was published before
-- versions were stored has no version of that.
alter table postmortem add column first_published_at timestamptz;
update postmortem
set first_published_at = coalesce(
    (
        select min(version.at)
        from postmortem_version version
        where version.postmortem_id = postmortem.id
            and version.reason = 'publish'
    ),
    published_at
);

-- How many were on time is read from this index alone.
drop index postmortem_by_publication;
create index postmortem_by_publication on postmortem (published_at desc, id desc)
    include (kind, due_at, first_published_at)
where state = 'published';
