"""The database: connections, transactions, events, migrations, and the embedded PostgreSQL."""
