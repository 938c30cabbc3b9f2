"""`pilotwire demo`: a central system, a charge point, and a session that plays itself."""

import argparse

from firmware.demo import demo


def main(args: argparse.Namespace) -> int:
    return demo(args.state_dir, once=args.once)
