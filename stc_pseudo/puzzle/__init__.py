"""From a box to the soft mask of its object."""
