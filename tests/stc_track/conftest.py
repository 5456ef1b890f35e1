"""Hypothesis without deadlines: the time of one example says nothing on a busy machine."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
