"""What is said on every socket and route, written down from the types that read and write it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

INTERFACE = "1.0.0"
"""The version of what is said; fields may be added in it, but none removed or renamed."""


def init_reference(app: "Flask") -> None:
    """Show the documents, and the page that tries the sockets."""
    from omcrm.reference import pages, socket_test

    app.register_blueprint(pages.blueprint)
    app.register_blueprint(socket_test.blueprint)
