"""What is kept: SQLAlchemy models and their queries, a file per noun."""
