import results_file
from results_file import write_around_sections, write_section

OLD = """# Results

| a | b |

<!-- other:start -->
theirs
<!-- other:end -->

<!-- correction:start -->
old
<!-- correction:end -->

after
"""


def test_only_the_own_section_changes(tmp_path):
    path = tmp_path / "RESULTS.md"
    path.write_text(OLD, "utf-8")
    write_section(path, "correction", "new\n\\1 stays\n")
    assert path.read_text("utf-8") == OLD.replace("old\n", "new\n\\1 stays\n")


def test_a_new_section_goes_to_the_end(tmp_path):
    path = tmp_path / "RESULTS.md"
    path.write_text("# Results\n", "utf-8")
    write_section(path, "correction", "one")
    expected = "# Results\n\n<!-- correction:start -->\none\n<!-- correction:end -->\n"
    assert path.read_text("utf-8") == expected
    write_section(path, "correction", "one")
    assert path.read_text("utf-8") == expected


def test_a_missing_file_is_made(tmp_path):
    path = tmp_path / "RESULTS.md"
    write_section(path, "correction", "one")
    expected = "<!-- correction:start -->\none\n<!-- correction:end -->\n"
    assert path.read_text("utf-8") == expected


def test_writing_the_rest_keeps_the_sections(tmp_path):
    path = tmp_path / "RESULTS.md"
    path.write_text(OLD, "utf-8")
    write_around_sections(path, "# Anew\n")
    text = path.read_text("utf-8")
    assert text.startswith("# Anew\n\n<!-- other:start -->\ntheirs\n<!-- other:end -->\n\n")
    assert text.endswith("\n\n<!-- correction:start -->\nold\n<!-- correction:end -->\n")
    assert "after" not in text
    write_around_sections(path, "# Anew\n")
    assert path.read_text("utf-8") == text


def test_the_command_in_the_report_names_no_folder_of_this_machine():
    words = ["--exact", "20", "--work", "/c", "--no-write", "--seed", "1", "--runs=/d"]
    told = results_file.typed(words, {"--no-write"}, {"--work", "--runs"})
    assert told == ["--exact", "20", "--seed", "1"]
    assert results_file.typed(["--no-write"], set(), set()) == ["--no-write"]
