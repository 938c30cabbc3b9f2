"""`pilotwire wsdl`: the WSDL of the services, for whoever builds the other end."""

import argparse
import sys

from ocpp import v16
from ocpp.wsdl import wsdl


def main(args: argparse.Namespace) -> int:
    services = {"central": v16.CENTRAL_SYSTEM, "chargepoint": v16.CHARGE_POINT}
    for name in [args.service] if args.service else services:
        sys.stdout.write(wsdl(services[name], args.address))
    return 0
