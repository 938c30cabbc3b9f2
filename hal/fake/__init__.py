"""The firmware's side of the fake board: its meter, its card reader and its bench controls."""
