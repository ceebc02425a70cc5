"""The database: connections, transactions, events, migrations, and the PostgreSQL that comes along."""
