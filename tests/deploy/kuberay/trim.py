"""Makes schemas.json.gz of KubeRay's published resource definitions: see README.md.

    python tests/deploy/kuberay/trim.py ray.io_rayclusters.yaml ray.io_rayjobs.yaml

Kept are the schemas of version v1 without descriptions and without `status`. The template of pods
and the spec of a cluster stand several times in the originals, alike each time, and once here.
"""

import gzip
import hashlib
import json
import sys
from pathlib import Path

import yaml

TARGET = Path(__file__).with_name("schemas.json.gz")


def schema_of(path):
    """Return the name of a kind and its schema."""
    definition = yaml.load(Path(path).read_text("utf-8"), Loader=yaml.CSafeLoader)
    versions = {each["name"]: each for each in definition["spec"]["versions"]}
    schema = plain(versions["v1"]["schema"]["openAPIV3Schema"])
    del schema["properties"]["status"]
    return definition["spec"]["names"]["kind"], schema


def plain(value):
    """Return a schema without what is said of its fields."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {k: plain(v) for k, v in value.items() if k != "description" or isinstance(v, dict)}


def shared(value, parts):
    """Return a schema in which each part that has a name is a reference to it."""
    for name, part in parts.items():
        if value == part:
            return {"$ref": f"#/$defs/{name}"}
    if isinstance(value, list):
        return [shared(each, parts) for each in value]
    return {k: shared(v, parts) for k, v in value.items()} if isinstance(value, dict) else value


def trimmed(paths):
    """Return both kinds and the parts that they share."""
    kinds = dict(schema_of(path) for path in paths)
    cluster = kinds["RayCluster"]["properties"]["spec"]
    template = cluster["properties"]["headGroupSpec"]["properties"]["template"]
    return {
        "sources": {Path(p).name: hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in paths},
        **shared(kinds, {"cluster": cluster}),
        "$defs": {"cluster": shared(cluster, {"template": template}), "template": template},
    }


def main():
    """Write the file, equal bytes for equal originals."""
    text = json.dumps(trimmed(sys.argv[1:]), separators=(",", ":"), sort_keys=True)
    TARGET.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))


if __name__ == "__main__":
    main()
