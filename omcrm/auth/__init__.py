"""Who may use OMCRM: login, sessions, API tokens, roles."""
