"""What users hold and what that is worth: pages, JSON, and the valuation behind both."""
