"""The station's page, its API and the bench control."""
