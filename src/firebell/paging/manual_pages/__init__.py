"""Pages that people start by hand, test pages, and pages of drills."""
