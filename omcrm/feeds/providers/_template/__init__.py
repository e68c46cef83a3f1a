"""Copy me: everything about a provider but its parsers.

Name the folder after the upstream, write what is marked, and add its name to the policies in
`market/policy.py`. Give it a venue in `simulator/providers/`, and a folder of tests with samples.
Then `python manage.py env-example > .env.example` and `python manage.py api-docs --write`.

One that is polled has a `PollSource` and a `poll.py` (see `coingecko`), one with finished days a
`HistorySource` and a `history.py` (see `coinbase`), one with a key an `ApiKey` (see `finnhub`).
"""

import re

from omcrm.feeds.declaration import Declaration, FeedAddress, Spelling, StreamSource
from omcrm.feeds.provider import StreamLimits
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

STREAM = StreamSource(
    # The name is what the policies, statuses and recordings have; the claim is the best class its
    # prices can ever have.
    source=Source("template", PriceClass.LIVE),
    # From the upstream's documentation, with the paragraph as a comment.
    limits=StreamLimits(symbols=100, frame_spacing=0.25),
)

PROVIDER = Declaration(
    # The folder's name.
    name="template",
    # What users read.
    label="Template",
    # The file in `simulator/providers/`.
    venue="template",
    # The names that an administrator may type, and that of an instrument for which none is stored.
    spelling=Spelling(
        example="btc",
        pattern=re.compile("[a-z]{1,20}"),
        case="lower",
        usual={AssetClass.CRYPTO: "{code}"},
    ),
    stream=STREAM,
    addresses=(
        FeedAddress(
            name="template",
            env="TEMPLATE_WS_URL",
            default="wss://stream.example.com",
            about="The template's feed; empty switches it off.",
            at_exchange="/template",
        ),
    ),
)
