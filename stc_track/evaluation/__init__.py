"""HOTA, MOTS metrics and YouTube-VIS AP."""
