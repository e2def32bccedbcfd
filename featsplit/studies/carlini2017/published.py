"""The papers' own numbers."""

PUBLISHED = ()
