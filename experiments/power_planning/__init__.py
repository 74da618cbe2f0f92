"""How many racks a power tree can feed: demand, caps, lost feeders, and the page that tells."""
