import gc
import sys

import pytest
from keraunos.cli.tensorflow import _modules_kept_out_of_garbage, load_tensorflow


def test_new_modules_are_left_out_of_looks_for_garbage(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    gc.unfreeze()
    try:
        with pytest.raises(ImportError), _modules_kept_out_of_garbage():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()


def test_what_a_process_has_made_since_is_not_frozen():
    load_tensorflow()
    before = gc.get_freeze_count()
    load_tensorflow()
    assert gc.get_freeze_count() == before
