"""The demo's page, pictures and tables."""
