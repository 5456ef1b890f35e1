"""Errors, safe reading and writing of files, text and JSON fields, processes: the ground floor."""
