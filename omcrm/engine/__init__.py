"""From feeds to quotes, and from quotes to whoever watches, with a bus between the two."""
