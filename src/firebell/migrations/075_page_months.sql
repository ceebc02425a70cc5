-- Totals of the urgent pages of a calendar month (UTC) that is over, so that years are counted by months.
-- A month without a row is counted from its facts, and a change of one of its facts deletes the row.
create table page_month (
    month date primary key check (month = date_trunc('month', month)::date),
    -- {hour of the week: [pages, pages at night]}
    hours jsonb not null,
    -- {rule: [pages, pages at night, noise]}
    rules jsonb not null,
    noise int not null,
    -- {pages in a night: nights}, for nights that lie in the month wherever the person is
    nights jsonb not null,
    -- [[person, night, pages]] of nights that reach into the month before or after, or have a page that waited for them
    shared_nights jsonb not null
);
-- pages that waited, snoozed perhaps, until a night after their own day: such a night may have pages of several months
create index page_fact_later_night on page_fact (night) where night > (triggered_at at time zone 'UTC')::date;

-- the incidents that repeat one, for what became of it
create index incident_fact_repeats on incident_fact (repeat_of) where repeat_of is not null;
