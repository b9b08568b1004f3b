"""Reading a run folder."""

import html
import json
from functools import cached_property
from pathlib import Path

TABLES = ("steps", "line", "epochs", "alignment", "covariance", "spectrum", "timing")


class Run:
    """A run folder. Nothing is read before it is asked for, and nothing is written."""

    def __init__(self, path):
        self.path = Path(path)
        if not (self.path / "manifest.json").is_file():
            raise FileNotFoundError(f"{self.path}: not a run folder (no manifest.json)")

    @cached_property
    def manifest(self) -> dict:
        """What ran, on what, and how it ended."""
        return json.loads((self.path / "manifest.json").read_text())

    def records(self, table: str) -> list[dict]:
        """Every whole record of a file such as `line.jsonl`; none if it was not measured."""
        if table not in TABLES:
            raise KeyError(f"{table}: the tables are {', '.join(TABLES)}")
        path = self.path / f"{table}.jsonl"
        if not path.exists():
            return []
        # A line that a run is writing has no newline yet.
        whole, _, _ = path.read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]

    def frame(self, table: str):
        """The same as a frame of polars, or of pandas where only that is installed."""
        records = self.records(table)
        try:
            import polars
        except ImportError:
            import pandas

            return pandas.DataFrame(records)
        return polars.DataFrame(records, infer_schema_length=None)

    def __getattr__(self, name: str):
        if name in TABLES:
            return self.frame(name)
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.manifest['status']})"

    def _repr_html_(self) -> str:
        """The report in a frame of its own, where its scripts disturb no other page."""
        page = self.path / "report.html"
        if not page.exists():
            return f"<p>{html.escape(repr(self))}: no report; write it by <code>losswalk report</code></p>"
        content = html.escape(page.read_text(), quote=True)
        return f'<iframe srcdoc="{content}" style="width: 100%; height: 45rem; border: 0"></iframe>'


def load(run) -> Run:
    """Opens a run folder."""
    return Run(run)
