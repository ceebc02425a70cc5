"""Action items: what an organization changes after an incident, with an owner and a due day."""
