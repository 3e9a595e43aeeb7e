"""The plan as GeoJSON (RFC 7946): one point per new site, with the figures and reasons as properties."""

from dataclasses import asdict
from typing import Any

from gridlane.planning.plan import Plan


def as_geojson(plan: Plan) -> dict[str, Any]:
    features = []
    for rank, site in enumerate(plan.sites, start=1):
        properties = asdict(site) | {"rank": rank}
        lon, lat = properties.pop("lon"), properties.pop("lat")
        features.append(
            {
                "type": "Feature",
                "id": site.id,
                "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": properties,
            }
        )
    return {
        "type": "FeatureCollection",
        "features": features,
        "gridlane": {
            "scenario": plan.scenario,
            "certificate": plan.certificate.as_json(),
            "source": plan.source,
        },
    }
