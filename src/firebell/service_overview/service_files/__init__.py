"""Files of services: export and import."""
