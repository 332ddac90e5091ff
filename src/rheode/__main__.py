"""`python -m rheode` is the command line."""

from rheode.cli import main

main()
