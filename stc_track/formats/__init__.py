"""Readers and writers of the field's text and JSON formats; one module a format."""
