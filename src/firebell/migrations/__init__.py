"""Plain SQL, applied in order by `firebell.kit.db.migrate`."""
