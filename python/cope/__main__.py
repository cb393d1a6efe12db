"""`python -m cope` is the command `cope`."""

from .cli import main

if __name__ == "__main__":
    main()
