"""TLS to the central system, as the site file has it."""

import ssl

from firmware.config import Site, Unusable


def context(site: Site) -> ssl.SSLContext | None:
    """None for an address without TLS. Raises Unusable."""
    if not site.csms or not site.csms[0].url.startswith("https:"):
        return None
    bundle = site.security.csms_ca_bundle or None
    try:
        made = ssl.create_default_context(cafile=bundle)
    except (OSError, ssl.SSLError) as error:
        problem = f"{bundle} holds no certificates: {error}"
        raise Unusable("security.csms_ca_bundle", problem) from error
    made.check_hostname = site.csms[0].verify_hostname
    return made
