"""ExchangeRate-API."""
