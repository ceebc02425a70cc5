-- What belongs to a service is listed newest first; how much there is must not matter.
create index page_of_service on page (service_id, state, id);
create index page_resolved_of_service on page (service_id, resolved_at) where state = 'resolved';
create index incident_of_service on incident_service (service_id, incident_id);
create index incident_of_page on incident_page (page_id);
create index alert_of_integration on alert (integration_id, id);
