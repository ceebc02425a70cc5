-- The version and title of a page when its card was last queued for comparison. `version` counts all reasons to compare,
-- and a title changes without a new version of the page, as when an alert begins to flap.
alter table chat_want
    add column page_version bigint not null default 0,
    add column page_title text not null default '';
