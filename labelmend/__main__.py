"""`python -m labelmend`."""

from labelmend.cli.app import main

main()
