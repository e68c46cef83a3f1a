"""Run the built-in exchange on its own: `python -m omcrm.exchange`."""

from omcrm.exchange.command import exchange

if __name__ == "__main__":
    exchange()
