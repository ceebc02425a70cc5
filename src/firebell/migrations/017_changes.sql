-- Why a request or an offer ended although nobody took it back: who made it left, or is not on call then any more.
alter table cover add column why text not null default '';
alter table swap add column why text not null default '';

-- What on-call is paid, from a month on until the next for which rates were set. Nothing is ever changed here: of two
-- for one month the one that was set later holds.
create table pay_rates (
    id bigint generated always as identity primary key,
    month date not null check (extract(day from month) = 1),
    rates jsonb not null,
    set_at timestamptz not null,
    set_by text not null
);
create index pay_rates_of_month on pay_rates (month, id);

-- What was paid for every month that was looked at holds from the first one on.
insert into pay_rates (month, rates, set_at, set_by)
select '1971-01-01', s.value, coalesce(a.at, now()), coalesce(a.actor_label, 'Firebell')
from setting s left join lateral (
    select at, actor_label from audit where action = 'pay.rates' order by id desc limit 1
) a on true
where s.key = 'pay_rates';
delete from setting where key = 'pay_rates';

-- Of which errors the team of a schedule was told: from when to when, as far as that could be seen.
create table finding_told (
    schedule_id bigint not null references schedule on delete cascade,
    what text not null,
    starts_at timestamptz,
    ends_at timestamptz
);
create index finding_told_of_schedule on finding_told (schedule_id);
insert into due (kind, key, due_at) select 'oncall.checks', 'all', now() from schedule limit 1;
