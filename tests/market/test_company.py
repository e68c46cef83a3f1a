from omcrm.market.catalogue import CATALOGUE
from omcrm.market.company import COMPANIES
from omcrm.market.instrument import AssetClass


def test_every_share_of_the_catalogue_has_its_company() -> None:
    """The companies are those of the stocks in the catalogue, and no others."""
    shares = {
        instrument.symbol for instrument in CATALOGUE if instrument.asset_class is AssetClass.STOCK
    }

    assert shares == COMPANIES.keys()


def test_sectors_are_spelled_alike() -> None:
    """No sector has two spellings, and every company has a sector and an industry."""
    sectors = {company.sector for company in COMPANIES.values()}

    assert len(sectors) == len({sector.casefold().replace(" ", "") for sector in sectors})
    assert all(company.sector and company.industry for company in COMPANIES.values())
