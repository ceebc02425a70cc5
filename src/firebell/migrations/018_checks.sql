-- Each schedule is checked by a timer of its own, so that hundreds never hold up what is more urgent.
delete from due where kind = 'oncall.checks';
insert into due (kind, key, due_at) select 'oncall.checks', id::text, now() from schedule where archived_at is null;
