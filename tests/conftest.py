"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes is the machine's, not the code's.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
