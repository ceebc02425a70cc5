-- Stands for a migration of another branch until all are merged.
select 1;
