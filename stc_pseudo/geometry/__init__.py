"""Ground plane and ego-motion."""
