import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("write_docs", ROOT / "tools/write_docs.py")
WRITE_DOCS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(WRITE_DOCS)


@pytest.mark.parametrize("path", WRITE_DOCS.PAGES)
def test_a_generated_page_is_committed_as_the_tables_say_today(path):
    assert (ROOT / path).read_text() == WRITE_DOCS.PAGES[path](), "run `make docs`"
