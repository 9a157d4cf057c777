"""Runs the command as `python -m msrnn_keras.cli`."""

import sys

from msrnn_keras.cli.main import main

sys.exit(main())
