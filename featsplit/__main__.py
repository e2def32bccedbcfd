"""`python -m featsplit`."""

from featsplit.commands import main

main()
