"""Tasks of incidents: who does what until when, and what remains as a follow-up."""
