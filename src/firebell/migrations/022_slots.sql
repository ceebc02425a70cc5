-- What a message competes for: the slots of its destination, '' where many people share a provider.
alter table delivery add column destination text not null default '';
update delivery
set destination = lower(substring(address from '^https?://([^/?#:]+|\[[^\]]*\])'))
where channel in ('webhook', 'ntfy')
    and state in ('queued', 'sending')
    and address ~ '^https?://([^/?#:]+|\[[^\]]*\])';

-- The lease: `claims` numbers its holders, and only the last one may record an outcome.
-- `lost_claims` counts those in a row that recorded none; `attempts` counts only what a provider was asked.
alter table delivery
    add column claims int not null default 0,
    add column lost_claims int not null default 0;
