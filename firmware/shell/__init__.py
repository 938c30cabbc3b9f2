"""The threads around the core: they turn the world into events and carry out what follows."""
