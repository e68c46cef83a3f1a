from omcrm.market.catalogue import CATALOGUE
from omcrm.wire.desk_catalogue import DeskCatalogue, DeskChartData, DeskDescribed, DeskPrice
from omcrm.wire.encoding import dumps
from tests.values import quote, trade


def test_an_instrument_of_the_catalogue() -> None:
    """With the figures that orders will need, exactly."""
    bitcoin = next(item for item in CATALOGUE if item.symbol == "BTC")
    text = dumps(DeskCatalogue(instruments=[DeskDescribed.of(bitcoin)]))

    assert text.startswith(
        f'{{"success":true,"instruments":[{{"id":{bitcoin.id},"symbol":"BTC","name":"Bitcoin",'
        f'"type":"crypto","decimals":{bitcoin.decimals},"currency":"USD",'
        f'"price_step":{bitcoin.price_step},'
    )
    assert text.endswith('"calendar":"always"}]}')


def test_success_is_the_first_field_of_a_price() -> None:
    """The others are those that pages receive."""
    text = dumps(DeskPrice.of(quote(trade("1.50"))))

    assert text.startswith('{"success":true,"symbol":"BTC","price":1.50,"change_24h":null,')


def test_candles_that_there_are_not() -> None:
    """None are made up."""
    nothing = DeskChartData(symbol="BTC", timeframe="1m", source=None, data=[])

    assert '{"success":true,"symbol":"BTC","timeframe":"1m","source":null,"data":[]}' == dumps(
        nothing
    )
