"""Prices to thousands of pages at once: OMCRM beside other servers, in one run."""
