"""Reads what `losswalk export` has written back, and compares it with the records bit for bit.

python3 export.py LOSSWALK

Parquet and CSV by polars, pandas and DuckDB, events by TensorBoard; then runs every Python snippet of
docs/records.md in the run's folder.
"""

import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pandas
import polars
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

REPOSITORY = Path(__file__).parents[2]
EXACT = (
    "measure=[{kind='line',iterations=9,points=4,reach=4.0,second_order=true},"
    "{kind='alignment',epochs=[0,1],batch_sizes=[20,50],batches=2},"
    "{kind='covariance',epochs=[1],batch_sizes=[20],batches=2,probes=2},"
    "{kind='spectrum',epochs=[0,1],top=2,probes=2,batch_sizes=[20],batches=2}]"
)
CERTIFIED = "measure=[{kind='line',mode='certified',points=4}]"


def bits(value):
    """A value such that equal means equal to the last bit; nulls of every library are None."""
    if value is None or value is pandas.NA or isinstance(value, float) and np.isnan(value):
        return None
    if isinstance(value, (list, tuple, np.ndarray)):
        return [bits(item) for item in value]
    if isinstance(value, dict):
        return {name: bits(item) for name, item in value.items()}
    if isinstance(value, (float, np.floating)):
        return struct.pack("<d", value)
    return value.item() if isinstance(value, np.generic) else value


def records(run: Path, table: str, columns: list[str]):
    """The records with every column of the table; what is `samples` in the file is a list of one."""
    rows = [json.loads(line) for line in (run / f"{table}.jsonl").read_text().splitlines()]
    for row in rows:
        if "samples" in row and not isinstance(row["samples"], list):
            row["samples"] = [row["samples"]]
        assert set(row) <= set(columns), set(row) - set(columns)
    return [{name: bits(row.get(name)) for name in columns} for row in rows]


def same(reader: str, file: Path, found, expected) -> None:
    found = [bits(row) for row in found]
    assert len(found) == len(expected), (reader, file)
    for row, wanted in zip(found, expected):
        for name, value in wanted.items():
            assert row[name] == value, (reader, str(file), name, row[name], value)


def by_duckdb(query: str):
    result = duckdb.sql(query)
    return [dict(zip(result.columns, row)) for row in result.fetchall()]


def check_parquet(run: Path) -> int:
    files = sorted((run / "export").glob("*.parquet"))
    for file in files:
        frame = polars.read_parquet(file)
        expected = records(run, file.stem, frame.columns)
        same("polars", file, frame.to_dicts(), expected)
        same("pandas", file, pandas.read_parquet(file, dtype_backend="pyarrow").to_dict("records"), expected)
        same("DuckDB", file, by_duckdb(f"SELECT * FROM '{file}'"), expected)
        assert frame["step"].dtype == polars.UInt64, frame.schema
    return len(files)


def from_json(row, expected):
    """Cells that hold JSON, read; whole numbers that a reader made doubles of are whole again."""
    read = {}
    for name, wanted in expected.items():
        value = row[name]
        if isinstance(wanted, list):
            value = json.loads(value)
        elif isinstance(wanted, int) and isinstance(value, float):
            value = int(value)
        read[name] = value
    return read


def check_csv(run: Path) -> int:
    files = sorted((run / "export").glob("*.csv"))
    for file in files:
        frame = polars.read_csv(file, infer_schema_length=None)
        expected = records(run, file.stem, frame.columns)
        in_pandas = pandas.read_csv(file, float_precision="round_trip").to_dict("records")
        in_duckdb = by_duckdb(f"SELECT * FROM read_csv('{file}', header = true, sample_size = -1)")
        for reader, rows in [("polars", frame.to_dicts()), ("pandas", in_pandas), ("DuckDB", in_duckdb)]:
            same(reader, file, map(from_json, rows, expected), expected)
    return len(files)


def check_tensorboard(run: Path) -> int:
    events = EventAccumulator(str(run / "export"), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()["scalars"]
    count = 0
    for table, column, tag in [
        ("steps", "batch_loss", "steps/batch_loss"),
        ("steps", "cosine", "steps/cosine"),
        ("epochs", "accuracy", "epochs/accuracy"),
        ("line", "barrier", "line/barrier"),
    ]:
        rows = [json.loads(line) for line in (run / f"{table}.jsonl").read_text().splitlines()]
        expected = [(row["step"], float(np.float32(row[column]))) for row in rows if row[column] is not None]
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        assert found == expected, (tag, found[:3], expected[:3])
        count += len(found)
    for tag in ("spectrum/eigenvalues/0", "alignment/alignment/20", "line/losses/4"):
        assert (tag in tags) == (run.name == "exact" or tag.startswith("line")), (tag, tags)
    times = [event.wall_time for event in events.Scalars("steps/batch_loss")]
    started = json.loads((run / "manifest.json").read_text())["started"]
    assert times == sorted(times)
    assert 0 <= times[-1] - pandas.Timestamp(started).timestamp() < 600, (times[-1], started)
    return count


def check_snippets(run: Path) -> int:
    page = (REPOSITORY / "docs/records.md").read_text()
    snippets = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    for snippet in snippets:
        ended = subprocess.run([sys.executable, "-c", snippet], cwd=run, capture_output=True, text=True)
        assert ended.returncode == 0 and ended.stdout.strip(), (snippet, ended.stdout, ended.stderr)
    return len(snippets)


def main(program: str) -> None:
    os.chdir(REPOSITORY)
    with tempfile.TemporaryDirectory() as name:
        for kind, measure in [("exact", EXACT), ("certified", CERTIFIED)]:
            run = Path(name) / kind
            settings = ["train.epochs=1", "data.train_samples=900", measure]
            command = [program, "run", "experiments/quickstart.toml", "--out", str(run)]
            for setting in settings:
                command += ["--set", setting]
            subprocess.run(command, check=True, capture_output=True)
            for export_as in ("parquet", "csv", "tensorboard"):
                command = [program, "export", str(run), "--format", export_as]
                subprocess.run(command, check=True, capture_output=True)
            parquet, csv, scalars = check_parquet(run), check_csv(run), check_tensorboard(run)
            assert parquet == csv == len(list(run.glob("*.jsonl"))) >= 4, (parquet, csv)
            print(f"{kind}: {parquet} tables equal bit for bit in Parquet and CSV, {scalars} scalars in events")
        print(f"{check_snippets(Path(name) / 'exact')} snippets of docs/records.md run")


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()))
