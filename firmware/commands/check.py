"""`pilotwire check`: what is wrong with the site file, the central system or the wiring."""

import argparse
import json
import os
import sys

import msgspec

from firmware.checks import Finding, check

COLOURS = {"ok": "32", "warn": "33", "fail": "31"}


def main(args: argparse.Namespace) -> int:
    findings = []
    for finding in check(args.config, args.state_dir):
        findings.append(finding)
        if not args.json:
            print(_line(finding), flush=True)
    if args.json:
        print(json.dumps(msgspec.to_builtins(findings), indent=2))
    return 1 if any(finding.level == "fail" for finding in findings) else 0


def _line(finding: Finding) -> str:
    level = f"{finding.level:4}"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        level = f"\033[{COLOURS[finding.level]}m{level}\033[0m"
    return f"{level}  {finding.area:14}  {finding.text}"
