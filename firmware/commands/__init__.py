"""The commands of `pilotwire`, a module each: `main` takes the arguments, returns the status."""
