"""Run featsplit from a checkout: python cli.py ... (an installed copy has the command `featsplit`)."""

from featsplit.commands import main

main()
