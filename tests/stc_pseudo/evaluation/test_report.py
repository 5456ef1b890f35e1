"""`stc-pseudo report`: what it says of masks without true ones, and the page in a browser."""

import base64
import html
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from stc_pseudo.evaluation.against_truth import boundary_f
from stc_pseudo.evaluation.causes import cause_of
from stc_pseudo.evaluation.quality import Instance, _fit, _link_masks, quality
from stc_pseudo.evaluation.report import Report, write_page

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
GOOD = Instance(
    sequence="0000", position=3, frame=3, row=0, class_id=1, track_id=1001, box=(10, 20, 90, 80), area=3000, score=0.9,
    fit=0.98, steadiness=0.95, hidden=0.0, truncated=False, depth_contrast=4.0, motion_contrast=3.0, quality=0.93,
)  # fmt: skip


def changed(**values):
    return Instance(**{name: getattr(GOOD, name) for name in Instance.__dataclass_fields__} | values)


def test_fit_and_hidden():
    objects = np.zeros((20, 30), np.uint16)
    objects[5:15, 10:15] = 1
    objects[5:10, 15:20] = 2
    assert _fit(objects, np.array([10, 5, 20, 15], float), 1) == (0.5, 0.25)
    assert _fit(objects, np.array([10, 5, 15, 15], float), 1) == (1, 0)
    assert _fit(objects, np.array([-10, 5, 15, 15], float), 3)[0] == 0


@pytest.mark.parametrize(
    ("motion", "overlap"),
    [(4, 1.0), (0, 6 * 10 / (2 * 10 * 10 - 6 * 10)), (40, 0.0)],
    ids=["motion fits", "no motion", "motion out of the box"],
)
def test_masks_are_compared_along_the_flow(motion, overlap):
    """A square of ten pixels moves by four; flow that says so, says nothing, or leads astray."""
    before, after = np.zeros((40, 80), np.uint16), np.zeros((40, 80), np.uint16)
    before[10:20, 10:20], after[10:20, 14:24] = 1, 2
    flow = np.stack((np.full((10, 20), motion, np.float32), np.zeros((10, 20), np.float32)))
    links = _link_masks(before, after, flow, np.array([7]), np.array([3, 7]))
    assert links.of(7) == pytest.approx(overlap, abs=0.01)
    assert links.of(3) is None


def test_quality_without_neighbours_counts_the_rest():
    assert quality(0.25, 1.0, 1.0) == pytest.approx(0.5)
    assert quality(0.5, 0.5, np.nan) == pytest.approx(0.5)
    assert quality(0.9, 0.0, 0.9) == 0
    assert quality(0.9, 0.0, 0.9, refined=True) == 0.9


@pytest.mark.parametrize(
    ("values", "texture", "cause"),
    [
        pytest.param({"box": (0, 0, 12, 40)}, None, "too small", id="too small"),
        pytest.param({"hidden": 0.5}, None, "hidden", id="hidden"),
        pytest.param({"truncated": True, "fit": 0.5}, None, "truncated", id="truncated"),
        pytest.param({"depth_contrast": 0.2, "motion_contrast": 0.4}, None, "blurred depth", id="blurred depth"),
        pytest.param({}, 0.1, "no texture", id="no texture"),
        pytest.param({"fit": 0.5}, 3.0, "loose box", id="loose box"),
        pytest.param({"steadiness": 0.3}, 3.0, "unsteady", id="unsteady"),
        pytest.param(
            {"steadiness": np.nan, "depth_contrast": np.nan, "motion_contrast": np.nan}, None, "unclear", id="unclear"
        ),
    ],
)
def test_causes(values, texture, cause):
    assert cause_of(changed(**values), texture) == cause


def test_boundary_f():
    """With a tolerance of 0.8 % of 250 pixels, two, a shift by two is right and one by ten is half wrong."""
    mask = np.zeros((150, 200), bool)
    mask[40:100, 40:100] = True
    assert boundary_f(mask, np.roll(mask, 2, 1)) == 1
    assert 0.4 < boundary_f(mask, np.roll(mask, 10, 1)) < 0.6
    assert boundary_f(mask, np.zeros_like(mask)) == 0


def data_of(page):
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def test_report_of_a_store(drawn, tmp_path):
    drawn.build()
    out = tmp_path / "report.html"
    result = drawn.run("report", drawn.store, "--out", out, "--truth", drawn.root, "--require", 0.1, "--pictures", 4)
    assert result.exit_code == 0, result.output
    page = out.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!data:)[a-z]""", page)
    assert "http" not in page.replace("http-equiv", "")
    data = data_of(page)
    columns = data["columns"]
    assert columns["quality"] == sorted(columns["quality"])
    assert data["summary"]["coverage"]["all"]["all"]["instances"] == 6
    assert min(columns["iou"]) > 0.8
    assert len(data["pictures"]) == 4
    with Image.open(io.BytesIO(base64.b64decode(data["pictures"][0]))) as picture:
        assert picture.format == "JPEG"
        assert np.asarray(picture).std() > 5
    assert "6 true masks: mean IoU" in result.output


def test_require_sets_the_exit_code(drawn, tmp_path):
    drawn.build()
    result = drawn.run(
        "report", drawn.store, "--out", tmp_path / "r.html", "--require", 1, "--json", tmp_path / "r.json"
    )
    assert result.exit_code == 1
    assert re.match(r"mean quality 0\.\d+ of 6 instances, 100% below 1: ", result.output.splitlines()[-1])
    summary = json.loads((tmp_path / "r.json").read_text())
    assert sum(summary["causes"].values()) == 6
    refused = drawn.run("report", drawn.store, "--out", tmp_path / "page.txt")
    assert (refused.exit_code, (tmp_path / "page.txt").exists()) == (2, False)


def many(count):
    rng = np.random.default_rng(0)
    instances = [
        changed(frame=k, track_id=k % 97, class_id=1 + k % 2, quality=float(rng.random())) for k in range(count)
    ]
    instances.sort(key=lambda instance: instance.quality)
    jpeg = io.BytesIO()
    Image.new("RGB", (80, 40), (200, 30, 30)).save(jpeg, "JPEG")
    causes = ["hidden" if instance.quality < 0.5 else "" for instance in instances]
    return Report("STORE </script><b>", {1: "car", 2: "<i>"}, 0.5, instances, causes, pictures=[jpeg.getvalue()] * 50)


STEPS = """<script>
const press = key => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
const seen = () => document.getElementById("title").textContent;
const told = { first: seen(), rows: document.querySelectorAll("#list .row").length };
const image = document.querySelector("#picture img");
told.picture = image !== null && image.src.startsWith("data:image/jpeg");
press("j"); told.next = seen();
press("ArrowUp"); told.back = seen();
press("End"); told.last = seen(); told.without = document.querySelector("#picture img") === null;
told.rowsAtTheEnd = document.querySelectorAll("#list .row").length;
press("Home"); told.home = seen();
press("c"); press("c"); press("c"); told.filtered = document.getElementById("space").style.height;
press("Escape"); told.all = document.getElementById("space").style.height;
const result = document.createElement("pre");
result.id = "told"; result.textContent = JSON.stringify(told); document.body.append(result);
</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed: apt-get install chromium")
def test_the_page_in_a_browser_with_20000_instances(tmp_path):
    """It draws only the rows that can be seen, and the keyboard steps through all of them."""
    report, page = many(20_000), io.StringIO()
    write_page(page, report)
    assert len(page.getvalue()) < 4e6
    (tmp_path / "page.html").write_text(page.getvalue().replace("</body>", STEPS), encoding="utf-8")
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
         "--virtual-time-budget=20000", "--dump-dom", (tmp_path / "page.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    told = json.loads(html.unescape(re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
    first, second, last = (report.instances[k] for k in (0, 1, -1))

    def title(instance):
        return f"{report.class_names[instance.class_id]}, track {instance.track_id}, frame {instance.frame} of 0000"

    assert told["first"] == told["back"] == told["home"] == title(first)
    assert (told["next"], told["last"]) == (title(second), title(last))
    assert told["picture"]
    assert told["without"]
    assert max(told["rows"], told["rowsAtTheEnd"]) < 80
    weak = report.causes.count("hidden")
    assert (told["filtered"], told["all"]) == (f"{34 * weak}px", f"{34 * 20_000}px")
    assert "data-ready" in done.stdout
