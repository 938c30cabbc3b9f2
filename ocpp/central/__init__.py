"""A central system for the bench: SOAP 1.6, one SQLite file, and a page of its own."""

from ocpp.central.database import DatabaseError
from ocpp.central.system import CentralSystem

__all__ = ["CentralSystem", "DatabaseError"]
