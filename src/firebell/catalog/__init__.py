"""The catalog of services, each owned by a team."""
