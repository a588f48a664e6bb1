"""`python -m hopnet` is the command `hopnet`."""

import sys

from hopnet.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
