"""The page of the slow tests, from pytest's report."""

from pipelines.checks.slow_tests import as_page, read_report

REPORT = """<testsuites><testsuite>
<testcase classname="tests.a.test_b" name="test_c[d]" time="2.5"/>
<testcase classname="tests.a.test_b" name="test_e" time="61.0"><failure message="no"/></testcase>
<testcase classname="tests.f" name="test_g" time="0.1"><skipped/></testcase>
</testsuite></testsuites>"""


def test_the_page_says_what_passed_and_how_long_it_took(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    tests = read_report(tmp_path / "report.xml")
    assert [outcome for _, outcome, _ in tests] == ["failed", "passed", "skipped"]
    page = as_page(tests)
    assert "1 passed, 1 failed, 1 skipped, 1.1 minutes" in page
    assert "| a.test_b: test_c[d] | passed | 2 |" in page
