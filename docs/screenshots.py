"""Pictures of every page of the review app, light and dark, at each width. ``screenshots.py OUTPUT [DATA] [--sets ...] [--widths ...]``

In: the folder of development datasets (photographs of Caltech-101, CC BY 4.0; questions of banking77, CC BY 4.0), a
made-up table of 30 columns and a made-up project of 1,000 classes. Out: PNG files in OUTPUT, named by set, page, width and scheme;
with ``--publish`` the five of the documentation as JPEG in docs/images. Does not know: how a page is made.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

import assay
from assay.server.workspace import project_id

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "benchmarks")]
import big_project  # noqa: E402
from browsing import browser  # noqa: E402
from serving import served  # noqa: E402

DATA = HERE.parent.parent / "shared" / "data"
PUBLISHED = {
    "review-light": "photos-review-1280-light",
    "resolver-dark": "photos-resolver-1280-dark",
    "charts-light": "photos-charts-1280-light",
    "preview-light": "photos-preview-1280-light",
    "text-dark": "questions-resolver-1280-dark",
}
WIDTHS = {1280: 800, 1920: 1080, 390: 844}  # pixels: width -> height
SCHEMES = ("light", "dark")
PAGES = ("Overview", "Findings", "Charts", "Map", "Compare classes", "History")
WRONG = 0.06  # share of labels that are made wrong, so that there is something to see
COLUMNS, CUSTOMERS = 30, 1_200  # of the widest table
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LOADED = """() => [...document.images].every(one => one.complete || one.getBoundingClientRect().top > innerHeight)
    && ![...document.querySelectorAll('.mantine-Skeleton-root, .mantine-Loader-root')].some(
        part => part.getBoundingClientRect().top < innerHeight)"""


def photographs(data: Path, place: Path) -> Path:
    """13 class folders of photographs, some of them in a wrong one."""
    rng = np.random.default_rng(3)
    folders = sorted(path for path in (data / "photos_600").iterdir() if path.is_dir())
    for at, folder in enumerate(folders):
        for file in sorted(folder.iterdir()):
            other = (at + int(rng.integers(1, len(folders)))) % len(folders) if rng.random() < WRONG else at
            target = place / folders[other].name / f"{folder.name[:3]}-{file.name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    return place


def questions(data: Path, place: Path) -> Path:
    """77 classes with long names."""
    frame = pd.read_csv(data / "banking77" / "test.csv")
    return _with_wrong_labels(frame, frame.columns[-1], place / "questions.csv")


def customers(_: Path, place: Path) -> Path:
    """A table of 30 columns as people have them: ids, names, dates, categories, amounts, remarks, some cells of them wrong."""
    rng = np.random.default_rng(5)
    plans = np.array(["Basic", "Family", "Business", "Enterprise"])
    plan = rng.choice(4, CUSTOMERS, p=[0.4, 0.3, 0.2, 0.1])
    signed = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 1400, CUSTOMERS), "D")
    city = rng.choice(["Hamburg", "Lyon", "Porto", "Kraków", "San Sebastián", "Newcastle upon Tyne"], CUSTOMERS)
    country = pd.Series(city).map(
        dict(zip(["Hamburg", "Lyon", "Porto", "Kraków"], ["DE", "FR", "PT", "PL"], strict=True))
    )
    frame = pd.DataFrame(
        {
            "customer_id": [f"C-{number:06d}" for number in rng.permutation(CUSTOMERS) + 104_200],
            "contract_number": rng.integers(10**9, 10**10, CUSTOMERS),
            "first_name": rng.choice(["Ana", "Jürgen", "Siobhán", "Paweł", "Marie-Claire", "Li"], CUSTOMERS),
            "surname": rng.choice(["Müller", "O'Brien", "García Márquez", "Nowak", "Dubois", "Chen"], CUSTOMERS),
            "signed_on": signed.strftime("%Y-%m-%d"),
            "last_order": (signed + pd.to_timedelta(rng.integers(1, 400, CUSTOMERS), "D")).strftime("%Y-%m-%d %H:%M"),
            "plan": plans[plan],
            "city": city,
            "country": country.fillna("ES").where(city != "Newcastle upon Tyne", "GB"),
            "channel": rng.choice(["web", "phone", "partner", "shop"], CUSTOMERS),
            "newsletter": rng.random(CUSTOMERS) < 0.4,
            "seats": np.maximum(1, rng.poisson(np.array([1, 4, 20, 150])[plan])),
            "monthly_fee_eur": (np.array([9.9, 24.9, 119, 890])[plan] * rng.uniform(0.9, 1.1, CUSTOMERS)).round(2),
            "discount": rng.choice([0, 0.05, 0.1], CUSTOMERS),
            "support_tickets": rng.poisson(np.array([0.4, 1, 3, 9])[plan]),
            "remarks": rng.choice(
                ["", "asked for an invoice by post, twice", "moved; new address confirmed by phone", "VIP"], CUSTOMERS
            ),
            **{f"logins_{month}": rng.poisson(np.array([6, 14, 60, 400])[plan]) for month in MONTHS},
            "storage_gb": (rng.lognormal(1, 0.4, CUSTOMERS) * np.array([1, 3, 12, 90])[plan]).round(1),
            "satisfaction": rng.integers(1, 11, CUSTOMERS),
        }
    )
    some = rng.permutation(CUSTOMERS)
    frame.loc[some[:6], "monthly_fee_eur"] *= 100
    frame.loc[some[6:14], "city"] = "Hambrug"
    frame.loc[some[14:30], "last_order"] = None
    frame.loc[some[30:34], "satisfaction"] = 99
    assert frame.shape[1] == COLUMNS
    return _with_wrong_labels(pd.concat([frame, frame.iloc[some[:5]]]), "plan", place / "customers.csv")


def _with_wrong_labels(frame: pd.DataFrame, label: str, file: Path) -> Path:
    rng = np.random.default_rng(4)
    wrong = rng.random(len(frame)) < WRONG
    frame.loc[wrong, label] = rng.permutation(frame.loc[wrong, label].to_numpy())
    frame.to_csv(file, index=False)
    return file


def analysed(make: Callable[[Path, Path], Path], **options: str) -> Callable[[Path, Path], None]:
    """(datasets, project) -> the project, a few rows of which are decided"""

    def run(data: Path, output: Path) -> None:
        source = output.parent / f"{output.stem}-data"
        source.mkdir(exist_ok=True)
        project = assay.analyze(make(data, source), output=output, progress="quiet", **options)
        project.decide("auto-fix", rows=project.flagged("label")[:8].tolist(), person="ann")
        copies = project.flagged("near_duplicate")[:3].tolist()
        if copies:
            project.decide("exclude", rows=copies, person="bob")

    return run


def _few(place: Path) -> Path:
    """A small file that is soon analysed."""
    file = place / "customers-few.csv"
    if not file.exists():
        pd.read_csv(customers(place, place)).head(120).to_csv(file, index=False)
    return file


SETS: dict[str, Callable[[Path, Path], None]] = {
    "photos": analysed(photographs),
    "questions": analysed(questions),
    "customers": analysed(customers, label="plan"),
    "thousand": lambda _, output: big_project.make(output, 20_000, 1_000),
}


class Camera:
    """Takes each screen in both schemes."""

    def __init__(self, page: Any, output: Path, name: str, width: int) -> None:
        self.page, self.output, self.name, self.width = page, output, name, width

    def shoot(self, screen: str) -> None:
        for scheme in SCHEMES:
            self.page.emulate_media(color_scheme=scheme)
            self.page.wait_for_timeout(400)
            self.page.wait_for_function(LOADED)
            self.page.screenshot(path=self.output / f"{self.name}-{screen}-{self.width}-{scheme}.png")

    def dialog(self, screen: str, button: str, ready: str = "") -> None:
        """What a button opens; closed again."""
        found = self.page.get_by_role("button", name=button, exact=True).first
        if not found.is_visible():
            return
        found.click()
        dialog = self.page.get_by_role("dialog").last
        dialog.wait_for()
        if ready:
            dialog.get_by_role("button", name=re.compile(ready)).first.wait_for()
        self.shoot(screen)
        self.page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")


def take(page: Any, camera: Camera, project: str) -> None:
    """Every page of a project once."""

    def review(query: str) -> bool:
        page.goto(f"{project}/review{query}")
        rows = page.get_by_role("listbox", name="Rows").get_by_role("option")
        rows.or_(page.get_by_role("article")).or_(page.get_by_text("No row fits this filter")).first.wait_for()
        return bool(rows.count())

    def open_row(at: int) -> None:
        page.locator(f"#cell-{at}").click()
        page.get_by_role("complementary", name="The open row").get_by_role(
            "heading", name="History", exact=True
        ).wait_for()

    review("?any=label")
    camera.shoot("review")
    camera.dialog("filter", "Add filter")
    camera.dialog("views", "Views")
    camera.dialog("export", "Export")
    camera.dialog("keys", "Help: all keys")
    page.get_by_role("listbox", name="Rows").focus()
    page.keyboard.press("Control+a")
    page.get_by_role("toolbar").get_by_role("button", name="Accept").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Do it|Nothing to do")).wait_for()
    camera.shoot("preview")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    review("?any=label")
    open_row(1)
    camera.shoot("resolver")
    page.get_by_role("heading", name="History", exact=True).scroll_into_view_if_needed()
    camera.shoot("resolver-end")
    review("?any=near_duplicate&look=sets")
    camera.shoot("sets")
    compare = page.get_by_role("button", name="Compare", exact=True).first
    if compare.is_visible():
        camera.dialog("copies", "Compare")
    for look in ("table", "dense", "map"):
        if review(f"?any=label&look={look}"):
            page.wait_for_timeout(1_500 if look == "map" else 300)
            camera.shoot(look)
    for title in PAGES:
        page.goto(f"{project}/{title.split()[0].lower()}")
        page.get_by_role("heading", level=1).first.wait_for()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1_500)
        camera.shoot(title.split()[0].lower())
    page.goto(f"{project}/compare")
    pair = page.locator("button.pair").first
    pair.or_(page.locator("main p")).first.wait_for()
    if pair.is_visible():
        pair.click()
        page.wait_for_timeout(1_500)
        camera.shoot("pair")


def begin(page: Any, camera: Camera, file: Path, address: str) -> None:
    """The list of projects, a new one from a file, and what can be changed of it before it runs again."""
    camera.shoot("projects")
    page.get_by_role("button", name="New project").first.click()
    dialog = page.get_by_role("dialog").last
    dialog.wait_for()
    camera.shoot("new")
    with page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)
    dialog.get_by_role("button", name="Find what is wrong").wait_for()
    camera.shoot("new-read")
    more = page.get_by_role("button", name=f"More about {file.stem}")
    if not more.count():
        dialog.get_by_role("button", name="Find what is wrong").click()
        page.get_by_role("navigation", name="What was found").or_(page.get_by_role("button", name="Checks")).wait_for()
    page.goto(address)
    more.first.click()
    page.get_by_role("menuitem", name="Run again").click()
    page.get_by_role("dialog").wait_for()
    camera.shoot("settings")


def publish(output: Path) -> None:
    """The pictures of the documentation, small enough to be kept."""
    target = HERE / "images"
    target.mkdir(exist_ok=True)
    for name, taken in PUBLISHED.items():
        Image.open(output / f"{taken}.png").convert("RGB").save(target / f"{name}.jpg", quality=86, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--widths", nargs="+", type=int, choices=list(WIDTHS), default=list(WIDTHS))
    parser.add_argument("--keep", type=Path, help="projects are made here and used again")
    parser.add_argument("--publish", action="store_true")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="assay-screenshots-") as scratch:
        workspace = given.keep or Path(scratch) / "projects"
        workspace.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(workspace / "customers-few.assay", ignore_errors=True)  # what the new project makes
        for name in given.sets:
            if not (workspace / f"{name}.assay").exists():
                SETS[name](given.data, workspace / f"{name}.assay")
        home = Path(scratch) / "home"
        with served(home, workspace, environment={"ASSAY_USER": "ann"}) as (address, _):
            base = address.split("/?")[0]
            for width in given.widths:
                size = {"width": width, "height": WIDTHS[width]}
                with browser(viewport=size, reduced_motion="reduce") as context:
                    page = context.new_page()
                    page.add_init_script("localStorage.setItem('assay-tour', 'true')")
                    page.on("pageerror", lambda error: print("page error:", error))
                    page.goto(address)
                    page.get_by_role("heading", name="Projects").wait_for()
                    begin(page, Camera(page, given.output, "all", width), _few(Path(scratch)), base)
                    for name in given.sets:
                        folder = workspace / f"{name}.assay"
                        camera = Camera(page, given.output, name, width)
                        take(page, camera, f"{base}/p/{project_id(folder)}")
                        page.goto(Path(assay.open(folder).report(Path(scratch) / f"{name}.html")).as_uri())
                        camera.shoot("report")
    if given.publish:
        publish(given.output)


if __name__ == "__main__":
    main()
