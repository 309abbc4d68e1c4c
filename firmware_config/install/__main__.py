"""`python3 -m firmware_config.install`. Says in one line, in words that any Python 3 can read, where ours is not
there."""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit("refused: Python 3.11 to 3.13 is needed, this is {}.{}".format(*sys.version_info[:2]))

from firmware_config.install.command import main

sys.exit(main(sys.argv[1:]))
