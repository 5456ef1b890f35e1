"""Building a store: sources of depth and flow, the plan, shards and their stages, and who makes them."""
