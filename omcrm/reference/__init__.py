"""Documents every socket and route from the types that read and write its messages."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

INTERFACE = "1.0.0"
"""The version of the interface; fields may be added within it, but none removed or renamed."""


def init_reference(app: "Flask") -> None:
    """Register the pages of the documents, and the page that tests the sockets."""
    from omcrm.reference import pages, shown, socket_test

    app.register_blueprint(pages.blueprint)
    app.register_blueprint(socket_test.blueprint)
    app.add_template_filter(shown.code_spans)
