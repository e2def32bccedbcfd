"""Run featsplit from a checkout: python cli.py ... (an installed copy has the command `featsplit`)."""

from featsplit.commands import main

if __name__ == "__main__":
    main()
