"""docs/features.md: every feature has a test that verifies it."""

import features


def test_features_page_is_up_to_date_with_the_marks():
    written = features.DOCUMENT.read_text(encoding="utf-8")
    assert written == features.document(), "run python tests/features.py"


def test_every_mark_names_a_feature_and_every_feature_has_a_test():
    assert {name for name, _ in features.marked_tests()} == features.known_features()
