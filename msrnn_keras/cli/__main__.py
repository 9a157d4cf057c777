"""Runs the command as `python -m msrnn_keras.cli`."""

import sys

from msrnn_command import main

sys.exit(main())
