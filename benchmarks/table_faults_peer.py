"""ydata-profiling's side of `table_faults`, in an environment of its own: the alerts that a planted fault adds to a table.

    table_faults_peer.py FOLDER TABLE ...

In: the tables that table_faults.py wrote, clean and with faults. Out: ``ydata.json`` beside them. Does not know: Assay.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd
from ydata_profiling import ProfileReport


def alerts(file: Path) -> set[tuple[str, str]]:
    """Kind and column of all alerts; the page that it would draw is not drawn."""
    report = ProfileReport(pd.read_csv(file), progress_bar=False, interactions=None)
    return {(alert.alert_type.name, str(alert.column_name)) for alert in report.get_description().alerts}


def main() -> None:
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    wall, cpu, rows = time.monotonic(), time.process_time(), []
    for name in names:
        stem = name.replace("/", "_")
        before = alerts(folder / f"{stem}.clean.csv")
        for file in sorted(folder.glob(f"{stem}.[0-9].csv")):
            record = json.loads(file.with_suffix(".json").read_text())
            added = alerts(file) - before
            for kind, (column, _) in record.items():
                new = sorted(alert for alert, about in added if about == column)
                rows.append({"table": name, "kind": kind, "column": column, "found": bool(new), "alerts": new})
    spent = {"wall": time.monotonic() - wall, "cpu": time.process_time() - cpu}
    (folder / "ydata.json").write_text(json.dumps({"rows": rows, "call": spent}))


if __name__ == "__main__":
    main()
