"""The dialects: translators between the station's own words and one version of OCPP each."""
