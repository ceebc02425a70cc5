-- The bars of a service read its counters in a range of time. Before PostgreSQL 18, the key, which begins with the
-- quarter, would be read for all services.
create index alert_count_of_service on alert_count (service_id, quarter);
