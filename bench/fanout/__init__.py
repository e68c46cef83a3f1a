"""Prices to thousands of pages: OMCRM beside other servers, in one session."""
