"""Starts the stand-in: `python k3d/standins/qdrant-dev --host ADDR --port 6334 --data DIR --api-key-file FILE`."""

import sys

from qdrant_dev.server import main

sys.exit(main())
