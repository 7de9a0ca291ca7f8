from installed_files import not_installed


def test_new_file_is_reported_until_it_is_installed(tmp_path):
    root, home = tmp_path / "clone", tmp_path / "keraunos"
    for name in ("api/__init__.py", "api/fresh.py", "core/__init__.py", "core/new.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (home / "core").mkdir(parents=True)
    (home / "__init__.py").hardlink_to(root / "api" / "__init__.py")
    (home / "core" / "__init__.py").symlink_to(root / "core" / "__init__.py")
    assert sorted(not_installed(root, home)) == ["api/fresh.py", "core/new.py"]
    (home / "fresh.py").symlink_to(root / "api" / "fresh.py")
    (home / "core" / "new.py").symlink_to(root / "core" / "new.py")
    assert not_installed(root, home) == []


def test_package_installed_from_elsewhere_lacks_no_files(tmp_path):
    root, home = tmp_path / "clone", tmp_path / "keraunos"
    (root / "api").mkdir(parents=True)
    home.mkdir()
    for file in (root / "api/__init__.py", root / "api/fresh.py", home / "__init__.py"):
        file.touch()
    assert not_installed(root, home) == []
