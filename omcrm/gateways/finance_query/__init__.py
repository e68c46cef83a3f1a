"""The dialect of Finance Query: four channels that send their whole state at each interval."""
