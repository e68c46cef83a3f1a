"""Whole numbers in the paths of routes."""

from werkzeug.routing import IntegerConverter


class PathNumber(IntegerConverter):
    """`<int:…>`: at most forty ASCII digits.

    Werkzeug's own converter reads the digits of every script, and fails on thousands of them.
    """

    regex = r"[0-9]{1,40}"
