"""Random markets with random faulty sources, played to the consolidator on a virtual clock."""
