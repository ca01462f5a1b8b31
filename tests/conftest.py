"""Shared fixtures. Real datasets live outside the repository; tests that need them skip where they are absent."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

# as in Assay's workers; several test processes that each start a thread a core slow each other down
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

# how long an example takes says how busy the machine is, not whether the code is right
settings.register_profile("assay", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("assay")

ROOT = Path(__file__).resolve().parent.parent
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real development datasets (``ASSAY_TEST_DATA``, or ``../shared/data`` beside the checkout)."""
    folder = Path(os.environ.get("ASSAY_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real datasets are not on this machine ({folder}); set ASSAY_TEST_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def cases_dir(data_dir: Path) -> Path:
    """The folder of made cases (``ASSAY_TEST_CASES``, or ``cases`` beside the datasets)."""
    folder = Path(os.environ.get("ASSAY_TEST_CASES", data_dir.parent / "cases"))
    if not (folder / "make.py").is_file():
        pytest.skip(f"the made cases are not on this machine ({folder}); set ASSAY_TEST_CASES to their folder")
    return folder


@pytest.fixture(scope="session")
def cases(cases_dir: Path) -> ModuleType:
    """The program that makes the inputs on which Assay once went wrong."""
    spec = importlib.util.spec_from_file_location("cases_make", cases_dir / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_digits(folder: Path, n: int, *, flips: int = 0, seed: int = 0) -> dict[str, str]:
    """Class folders of ``n`` scanned digits as PNG files; the wrong labels that were planted: id -> true class."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rng = np.random.default_rng(seed)
    wrong = set(rng.choice(n, flips, replace=False).tolist())
    planted = {}
    for row in range(n):
        true = int(digits.target[row])
        given = (true + int(rng.integers(1, 10))) % 10 if row in wrong else true
        name = f"{WORDS[given]}/{row:04d}.png"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scan = Image.fromarray((digits.images[row] * (255 / 16)).astype(np.uint8))
        scan.resize((32, 32), Image.Resampling.BICUBIC).save(path)
        if row in wrong:
            planted[name] = WORDS[true]
    return planted


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder of 300 digits with 15 wrong labels, a broken file and a copy; and what was planted."""
    folder = tmp_path_factory.mktemp("digits") / "digits"
    planted = write_digits(folder, 300, flips=15)
    (folder / "zero" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    Image.open(folder / "one" / "0001.png").save(folder / "one" / "0001_copy.jpg", quality=90)
    return folder, planted


@pytest.fixture(scope="session")
def digits_project(digits: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The analysed folder of digits."""
    import assay

    output = tmp_path_factory.mktemp("digits_project") / "digits.assay"
    assay.analyze(digits[0], output=output, progress="quiet")
    return output


@pytest.fixture
def here() -> Iterator[None]:
    """Analyses of this test run without worker processes, see in_this_process.py."""
    from in_this_process import in_this_process

    with in_this_process():
        yield
