-- Pages that go to one contact method as one text message or call (decision 0103).
-- What went out together has the id of its first delivery, and what waited for others once never waits again. A drill
-- goes alone, so that it delays no page.
alter table delivery
    add column bundle_id bigint,
    add column has_waited boolean not null default false,
    add column is_drill boolean not null default false;

-- what can go with a message to the same contact method, and what does
create index delivery_bundleable on delivery (method_id)
    where subject_kind = 'page' and channel in ('sms', 'voice') and not is_drill and state in ('queued', 'sending');
create index delivery_bundle on delivery (bundle_id) where bundle_id is not null;

-- a message about several pages is charged for once
alter table delivery_receipt drop constraint delivery_receipt_parts_check;
alter table delivery_receipt add constraint delivery_receipt_parts_check check (parts >= 0) not valid;
