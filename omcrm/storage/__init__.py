"""The database: SQLAlchemy models and their queries, a file per noun."""
