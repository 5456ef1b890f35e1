"""Public methods to compare with."""
