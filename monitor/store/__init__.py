"""What happened: the tables, and one named function per statement, on SQLite and PostgreSQL."""
