"""The pure core: state and event in, new state and facts out. No I/O, no clock, no randomness."""
