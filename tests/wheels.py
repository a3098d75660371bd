# SPDX-License-Identifier: Apache-2.0
"""Wheels of pure Python, written by hand: an index for tests needs no network and no builder."""

from __future__ import annotations

import base64
import hashlib
import zipfile


def make_wheel(folder, name, version, files, *, needs=()):
    """Write a wheel of pure Python."""
    about = f"{name}-{version}.dist-info"
    more = "".join(f"Requires-Dist: {item}\n" for item in needs)
    held = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [
        f"{path},sha256={digest_of(text)},{len(text.encode())}\n" for path, text in held.items()
    ]
    held[f"{about}/RECORD"] = "".join([*lines, f"{about}/RECORD,,\n"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in held.items():
            archive.writestr(path, text)


def digest_of(text):
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
