"""What the record of a run says of the shards of its table."""

from labelmend.runs.parts import Part, Text


class ShardRecord(Part):
    """A shard of a table, and what was written of it.

    Attributes:
        name: of the file, before and after mending.
        rows: that it has.
        sha256: of the file that was mended.
        mended: sha256 of the mended one.
        mended_bytes: its size.
        evidence: sha256 of its evidence.
        evidence_bytes: its size.
    """

    name: Text
    rows: int
    sha256: Text
    mended: Text
    mended_bytes: int
    evidence: Text
    evidence_bytes: int
