"""Every route that answers in JSON."""

from omcrm.reference import (
    account_routes,
    desk_routes,
    market_routes,
    portfolio_routes,
    realtime_routes,
)
from omcrm.reference.route import Route

ROUTES: tuple[Route, ...] = (
    *desk_routes.ROUTES,
    *market_routes.ROUTES,
    *realtime_routes.ROUTES,
    *portfolio_routes.ROUTES,
    *account_routes.ROUTES,
)
