from omcrm.market.catalogue import CATALOGUE
from omcrm.market.company import COMPANIES
from omcrm.market.instrument import AssetClass


def test_every_share_of_the_catalogue_has_its_company() -> None:
    """And no company is one whose share is not there."""
    shares = {
        instrument.symbol for instrument in CATALOGUE if instrument.asset_class is AssetClass.STOCK
    }

    assert shares == COMPANIES.keys()


def test_sectors_are_spelled_alike() -> None:
    """Two spellings would be two sectors; every company has an industry, too."""
    sectors = {company.sector for company in COMPANIES.values()}

    assert len(sectors) == len({sector.casefold().replace(" ", "") for sector in sectors})
    assert all(company.sector and company.industry for company in COMPANIES.values())
