"""`cnnwiz schema`: the JSON Schema of a spec."""

from __future__ import annotations


def schema() -> None:
    """Print the JSON Schema of a spec, for editors that complete and check YAML.

    Example: cnnwiz schema > cnnwiz.schema.json
    """
    import json

    from cnnwiz.spec.schema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
