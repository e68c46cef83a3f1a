"""Who may come in: login, sessions, roles."""
