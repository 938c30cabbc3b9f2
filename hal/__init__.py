"""The hardware of a charging station: ports, drivers, and the interlock that owns the contactor."""
