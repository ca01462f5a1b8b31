"""One analysis by Assay as a whole process, through its public door: ``python assay_run.py JOB.json``.

In: a JSON job: data, options of `assay.analyze`, the project folder. Out: the project. Does not know: truth.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(job: dict[str, Any]) -> None:
    import assay

    options = dict(job["options"])
    if job.get("plain"):  # without the sentence encoder, installed or not
        import pandas as pd

        from assay.encode.text import tfidf_embeddings

        texts = pd.read_csv(job["data"], keep_default_na=False)[options["text"]].tolist()
        options["embeddings"] = {"tfidf": tfidf_embeddings(texts, threads=2)}
    assay.analyze(job["data"], output=job["project"], progress="quiet", **options)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
