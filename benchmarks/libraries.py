"""What is written by hand beside the library that does the same: the figures of "Written by hand, and why" in docs/architecture.md.

    libraries.py [tails | folds | tables | csv | web] [--large]

In: made rows; hospital, beers and the jobs of New York for ``tables``, which asks for skrub (its own environment will do).
Out: lines on the standard output, in processor seconds. Does not know: projects, results of other benchmarks.
"""

from __future__ import annotations

import argparse
import io
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from problems import data_dir, with_noise

P_VALUE = 0.003


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """(processor seconds, what ``work`` returned)."""
    started = time.process_time()
    made = work()
    return time.process_time() - started, made


def peak() -> float:
    """Largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# the tail ---------------------------------------------------------------------------------------------------------


def tails(large: bool) -> None:
    """scipy's maximum likelihood with the same censoring, on clean samples and with foreign rows."""
    from scipy.stats import CensoredData, genpareto

    from assay.issues.tail import POINTS, START, STOP, fit_tail

    def by_scipy(values: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        start, stop = np.quantile(values, [START, STOP])
        inside = np.sort(values[(values > start) & (values <= stop)]) - start
        if len(inside) > POINTS:
            inside = np.quantile(inside, (np.arange(POINTS) + 0.5) / POINTS)
        censored = np.full(round(len(inside) * (1 - STOP) / (STOP - START)), stop - start)
        shape, _, scale = genpareto.fit(CensoredData(uncensored=inside, right=censored), floc=0)
        return lambda x: (1 - START) * genpareto.sf(np.maximum(x - start, 0), shape, scale=scale)

    rng = np.random.default_rng(0)
    samples = {
        "normal": lambda n: np.abs(rng.normal(size=n)),
        "log-normal": lambda n: rng.lognormal(size=n),
        "gamma": lambda n: rng.gamma(3, size=n),
        "lengths of normal vectors": lambda n: np.linalg.norm(rng.normal(size=(n, 5)), axis=1),
    }
    for name, draw in samples.items():
        for n in (200, 20_000):
            flags: dict[str, list[float]] = {"ours": [], "scipy": []}
            cost = dict.fromkeys(flags, 0.0)
            for _ in range(20):
                x = draw(n)
                took, tail = seconds(lambda x=x: fit_tail(x))
                cost["ours"] += took
                assert tail is not None
                flags["ours"].append(float((tail.p_values(x) < P_VALUE).mean()))
                took, survival = seconds(lambda x=x: by_scipy(x))
                cost["scipy"] += took
                flags["scipy"].append(float((survival(x) < P_VALUE).mean()))
            for who, shares in flags.items():
                print(
                    f"tails  {name}, {n:,} rows  {who:5}  {cost[who] / 20 * 1e3:7.1f} ms a fit  "
                    f"flagged {np.mean(shares):.4f} of clean rows, at most {np.max(shares):.4f}"
                )


# folds -----------------------------------------------------------------------------------------------------------


def folds(large: bool) -> None:
    """scikit-learn's stratified folds of groups; a tenth of the rows lie in groups of two to five."""
    from sklearn.model_selection import StratifiedGroupKFold

    from assay.predict.folds import make_folds

    for n, k in ((6_000, 10), (10_000, 100), (20_000, 1_000), *([(1_280_000, 1_000)] if large else [])):
        rng = np.random.default_rng(0)
        labels = rng.integers(0, k, n).astype(np.int32)
        groups = np.full(n, -1, np.int64)
        sizes = rng.integers(2, 6, n // 35)
        rows = rng.permutation(n)[: sizes.sum()]
        groups[rows] = np.repeat(np.arange(len(sizes)), sizes)
        labels[rows] = labels[rows[np.repeat(np.cumsum(sizes) - sizes, sizes)]]
        took, found = seconds(lambda labels=labels, groups=groups: make_folds(labels, groups))
        print(f"folds  {n:,} rows, {k:,} classes  ours     {took:8.2f} s  {_balance(labels, found)}")
        if n > 100_000:
            continue  # its table of groups and classes alone would be 9 GB
        own = np.where(groups >= 0, groups, len(sizes) + np.arange(n))

        def by_sklearn(labels: NDArray[Any] = labels, own: NDArray[Any] = own) -> NDArray[np.int8]:
            out = np.empty(len(labels), np.int8)
            dealt = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(labels, labels, own)
            for number, (_, test) in enumerate(dealt):
                out[test] = number
            return out

        took, found = seconds(by_sklearn)
        print(f"folds  {n:,} rows, {k:,} classes  sklearn  {took:8.2f} s  {_balance(labels, found)}")


def _balance(labels: NDArray[np.int32], found: NDArray[np.int8]) -> str:
    table = np.zeros((labels.max() + 1, 5), np.int64)
    np.add.at(table, (labels, found), 1)
    spread = table.max(1) - table.min(1)
    sizes = table.sum(0)
    return (
        f"fullest and emptiest fold of a class differ by {spread.mean():.2f} rows (at most {spread.max()}), "
        f"folds of {sizes.min():,} to {sizes.max():,} rows"
    )


# tables ----------------------------------------------------------------------------------------------------------


def tables(large: bool) -> None:
    """Features of tables by skrub under the same models: average precision of finding a tenth of wrong labels."""
    from sklearn.metrics import average_precision_score

    from assay.encode.table import table_features

    for name, cells, true in _labelled_tables():
        for seed in range(5):
            given, is_error = with_noise(true, 0.1, seed)
            labels = np.unique(given.astype(str), return_inverse=True)[1].astype(np.int32)
            made: dict[str, Callable[[], tuple[NDArray[Any], NDArray[Any]]]] = {
                "ours": lambda cells=cells: _both(table_features(cells, list(cells.columns))),
                "skrub": lambda cells=cells: _by_skrub(cells),
            }
            for who, features in made.items():
                took, (dense, trees) = seconds(features)
                quality = _label_quality(dense, trees, labels)
                ap = average_precision_score(is_error, -quality)
                print(
                    f"tables  {name}, seed {seed}  {who:5}  AP {ap:.3f}  {dense.shape[1]:4} dimensions  {took:6.2f} s",
                    flush=True,
                )


def _both(found: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    return found.dense.astype(np.float16), found.trees


def _by_skrub(cells: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any]]:
    """Its recommended preparations: `tabular_pipeline` has these steps before a linear model, and the first before trees."""
    import skrub
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    trees = skrub.TableVectorizer(n_jobs=1).fit_transform(cells)
    periodic = skrub.DatetimeEncoder(periodic_encoding="spline")
    linear = make_pipeline(
        skrub.TableVectorizer(datetime=periodic, n_jobs=1),
        SimpleImputer(add_indicator=True),
        skrub.SquashingScaler(max_absolute_value=5),
    )
    return np.asarray(linear.fit_transform(cells), np.float16), np.asarray(trees, np.float32)


def _label_quality(dense: NDArray[Any], trees: NDArray[Any], labels: NDArray[np.int32]) -> NDArray[np.float32]:
    from assay.graph import neighbors
    from assay.issues.label import judge_with_verdict
    from assay.issues.scan import scan
    from assay.predict import predict
    from assay.predict.folds import make_folds
    from assay.predict.trees import tree_probabilities

    k = int(labels.max()) + 1
    own = make_folds(labels, np.full(len(labels), -1, np.int64), seed=0)
    extra, _ = tree_probabilities(trees, dense, labels, own, k, seed=0, threads=1)
    graph = neighbors(dense.astype(np.float32), 15, metric="euclidean", threads=1, seed=0)
    probs = np.empty((len(labels), k), np.float32)
    predict({"cells": dense}, labels, own, graph, k, probs, extra=extra, threads=1)
    return np.asarray(judge_with_verdict(labels, scan(labels, probs))[0]["label_quality"])


def _labelled_tables() -> Iterator[tuple[str, pd.DataFrame, NDArray[Any]]]:
    for name, file, label, drop in (
        ("hospital", "tabular_hospital", "condition", ["index"]),
        ("beers", "tabular_beers", "style", ["index", "id"]),
        ("jobs", "table_nyc_jobs", "Borough", ["Job #"]),
    ):
        cells = pd.read_csv(data_dir() / file / "clean.csv", dtype={label: str}).drop(columns=drop).dropna(subset=label)
        cells = cells[cells[label].map(cells[label].value_counts()) >= 20].reset_index(drop=True)
        cells = cells.sample(min(len(cells), 3_000), random_state=0).reset_index(drop=True)
        yield name, cells.drop(columns=label), cells[label].to_numpy(object)


# files -----------------------------------------------------------------------------------------------------------


def csv(large: bool) -> None:
    """A well-formed table by pyarrow and by the tolerant reader."""
    from assay.sources import csv_tables

    rng = np.random.default_rng(0)
    n = 1_000_000 if large else 100_000
    frame = pd.DataFrame(
        {
            "id": np.arange(n),
            "x": rng.normal(size=n).round(3),
            "y": rng.normal(size=n),
            "city": rng.choice(["Bonn", "Köln", "Ulm"], n),
            "text": [f'the word {number} is "here", and goes on for a while' for number in range(n)],
            "count": rng.integers(0, 50, n),
            "day": [f"2020-01-{number % 28 + 1:02}" for number in range(n)],
            "label": rng.choice(["a", "b"], n),
        }
    )
    data = frame.to_csv(index=False).encode()
    plain, tables = csv_tables.read_plain, {}
    for who, reader in (("pyarrow first", plain), ("tolerant only", lambda *_: None)):
        csv_tables.read_plain = reader
        took, found = seconds(lambda: csv_tables.read_csv(data, "made.csv"))
        tables[who] = found.table
        print(f"csv  {n:,} rows of {frame.shape[1]} columns  {who}  {took:6.2f} s")
    csv_tables.read_plain = plain
    assert tables["pyarrow first"].equals(tables["tolerant only"])


def web(large: bool) -> None:
    """Small files over HTTP, a connection each as now, and httpx with connections that stay open."""
    import http.server
    import threading

    import httpx
    from PIL import Image

    from assay.sources.reading import read_bytes
    from assay.sources.sandbox import Scope

    sink = io.BytesIO()
    Image.effect_noise((256, 256), 60).save(sink, "JPEG")
    body = sink.getvalue()

    class Server(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, n = f"http://127.0.0.1:{server.server_port}/a.jpg", 500
    took, _ = seconds(lambda: [read_bytes(url, Scope()) for _ in range(n)])
    print(f"web  {n} pictures of {len(body):,} bytes  urllib, sandboxed  {took:5.2f} s, the server's part included")
    with httpx.Client() as client:
        took, _ = seconds(lambda: [client.get(url).content for _ in range(n)])
    print(f"web  {n} pictures of {len(body):,} bytes  httpx, no sandbox  {took:5.2f} s, the server's part included")
    server.shutdown()


SUBJECTS = {work.__name__: work for work in (tails, folds, tables, csv, web)}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"default: all of {', '.join(SUBJECTS)}")
    parser.add_argument("--large", action="store_true", help="1.28 million rows as well")
    given = parser.parse_args()
    for subject in given.subjects or SUBJECTS:
        SUBJECTS[subject](given.large)
