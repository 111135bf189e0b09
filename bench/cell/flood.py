"""One account floods a whole cell in every way we know: what everybody else waits for `stored` meanwhile and after.

`python3 -m bench flood -- [SHAPE ...] [--seconds N] [--keep]`
"""

import sys

from tests.support.flood.run import main

if __name__ == "__main__":
    sys.exit(main())
