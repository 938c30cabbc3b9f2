"""`pilotwire dump`: a bug report without secrets."""

import argparse
import os
import sys
import time
from pathlib import Path

from firmware.dump import pack


def main(args: argparse.Namespace) -> int:
    if not args.state_dir.is_dir():
        print(f"pilotwire dump: --state-dir: there is no folder {args.state_dir}", file=sys.stderr)
        return 2
    output = args.output or Path(time.strftime("pilotwire-dump-%Y%m%d-%H%M%S.tar.gz"))
    try:
        _write(output, pack(args.config, args.state_dir))
    except OSError as error:
        print(f"pilotwire dump: {output} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{output}: look through it before you send it")
    return 0


def _write(path: Path, body: bytes) -> None:
    """For the eyes of whoever asked for it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
