"""End-to-end recipes over the commands."""
