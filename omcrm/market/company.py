"""What the companies behind shares do: facts for the catalogue, as quote services name them."""

from collections.abc import Mapping

from msgspec import Struct


class Company(Struct, frozen=True):
    """The sector and the industry that a company is counted among."""

    sector: str
    industry: str


COMPANIES: Mapping[str, Company] = {
    "AAPL": Company("Technology", "Consumer Electronics"),
    "MSFT": Company("Technology", "Software - Infrastructure"),
    "GOOGL": Company("Communication Services", "Internet Content & Information"),
    "AMZN": Company("Consumer Cyclical", "Internet Retail"),
    "TSLA": Company("Consumer Cyclical", "Auto Manufacturers"),
    "META": Company("Communication Services", "Internet Content & Information"),
    "NVDA": Company("Technology", "Semiconductors"),
    "JPM": Company("Financial Services", "Banks - Diversified"),
}
"""By the symbol of the share; of shares that are not here nothing is known."""
