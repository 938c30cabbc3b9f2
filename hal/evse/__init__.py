"""Drivers that run inside the interlock process: what is wired to one EVSE."""
