"""docs/features.md: what it says can be done has a test that shows it."""

import features


def test_the_page_is_what_the_marks_say():
    written = features.DOCUMENT.read_text(encoding="utf-8")
    assert written == features.document(), "run python tests/features.py"


def test_every_mark_names_a_feature_and_every_feature_has_a_test():
    assert {name for name, _ in features.marked_tests()} == features.known_features()
