"""The interlock: the only process that can close a contactor, and the firmware's side of it."""
