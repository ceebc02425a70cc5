-- Keeps the numbers of migrations without a gap until the one with this number is merged.
select 1;
