"""What the papers state."""

CLAIMS = ()
