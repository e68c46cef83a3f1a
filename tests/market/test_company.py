from omcrm.market.catalogue import CATALOGUE
from omcrm.market.company import COMPANIES
from omcrm.market.instrument import AssetClass


def test_every_share_of_the_catalogue_has_its_company() -> None:
    """And no company is one whose share is not there."""
    shares = {each.symbol for each in CATALOGUE if each.asset_class is AssetClass.STOCK}

    assert shares == COMPANIES.keys()


def test_sectors_are_spelled_alike() -> None:
    """Two spellings would be two sectors; every company has an industry, too."""
    sectors = {each.sector for each in COMPANIES.values()}

    assert len(sectors) == len({each.casefold().replace(" ", "") for each in sectors})
    assert all(each.sector and each.industry for each in COMPANIES.values())
