"""Process checks of incidents, and their waivers."""
