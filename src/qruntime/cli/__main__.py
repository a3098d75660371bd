# SPDX-License-Identifier: Apache-2.0
"""``python -m qruntime.cli``: the same as ``qruntime``."""

from qruntime.cli.main import main

if __name__ == "__main__":
    main()
