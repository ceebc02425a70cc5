-- The newest pages of a policy, for what another plan would have done with them.
drop index page_of_policy;
create index page_of_policy on page (policy_id, id) where policy_id is not null;
