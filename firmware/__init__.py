"""The application: what a charging station decides, and the threads that carry it out."""
