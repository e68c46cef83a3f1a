"""The routes that do not state themselves yet what they answer."""

from omcrm.reference import (
    desk_routes,
    market_routes,
)
from omcrm.reference.route import Route

ROUTES: tuple[Route, ...] = (
    *desk_routes.ROUTES,
    *market_routes.ROUTES,
)
