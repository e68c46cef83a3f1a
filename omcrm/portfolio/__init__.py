"""Users' portfolios and their valuation: pages, JSON, and the computation behind both."""
