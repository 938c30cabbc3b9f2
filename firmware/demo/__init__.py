"""Scenarios: sessions scripted in a few lines, played on a central system and a charge point."""
