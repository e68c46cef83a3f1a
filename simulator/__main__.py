"""Run the built-in exchange on its own: `python -m simulator`."""

from simulator.command import exchange

if __name__ == "__main__":
    exchange()
