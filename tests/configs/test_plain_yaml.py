import time

import pytest

from labelmend.configs.plain_yaml import load_yaml, plain_yaml
from labelmend.errors import ConfigError


def bomb(levels, first='["lol", "lol"]'):
    """Ten times more at each level, all of it behind aliases."""
    lines = [
        f"k{level}: &k{level} [{', '.join([f'*k{level - 1}'] * 10)}]" for level in range(1, levels)
    ]
    return "\n".join([f"k0: &k0 {first}", *lines]) + "\n"


def merge_bomb(levels):
    lines = ["k0: &k0 {description: x}"]
    for level in range(1, levels):
        above = ", ".join([f"*k{level - 1}"] * 10)
        lines += [f"k{level}: &k{level}", f"  <<: [{above}]"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (bomb(9), r"line 7: not valid YAML: holds more than 500,000 values, aliases counted out"),
        (
            merge_bomb(25),
            r"line 13: not valid YAML: holds more than 500,000 values, aliases counted out",
        ),
        ("a: &a [*a]\n", r"line 1: not valid YAML: an alias stands inside what it names"),
        ("a: 1\nx: &a\n  <<: *a\n", r"line 3: not valid YAML: an alias stands inside"),
        ("a: " + "[" * 100_000, r"line 1: not valid YAML: nested more than 60 deep"),
        ("a: " + "{b: " * 3000, r"line 1: not valid YAML: nested more than 60 deep"),
        ("a: 1\nb: 2\na: 3\n", r"lines 1 and 3: not valid YAML: the key 'a' is there twice"),
        ("b:\n  c: 1\n  c: 1\n", r"lines 2 and 3: not valid YAML: the key 'c' is there twice"),
        ('a: x\nb: "\\ud800"\n', r"line 2: not valid YAML: half a character \(a lone surrogate\)"),
        ("seed: " + "9" * 400, r"line 1: not valid YAML: a number of 400 characters"),
        ("x" * 8_000_001, r"has 8,000,001 characters, more than the 8,000,000 that are read"),
    ],
)
def test_what_is_too_much_is_refused_at_once(text, said):
    began = time.monotonic()
    with pytest.raises(ConfigError, match=f"^here,? ?:? ?{said}"):
        load_yaml(text, "here")
    assert time.monotonic() - began < 5


def test_what_is_not_too_much_stays():
    assert load_yaml(bomb(3), "here")["k2"] == [[["lol", "lol"]] * 10] * 10
    merged = load_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n", "here")
    assert merged["b"] == {"x": 1, "y": 3}
    # A key says itself twice only where it is the same text of the same type.
    assert load_yaml("1: a\n'1': b\n", "here") == {1: "a", "1": "b"}
    assert load_yaml("a: " + "[" * 50 + "]" * 50, "here")
    assert plain_yaml("seed: " + "9" * 40, "here") == {"seed": int("9" * 40)}


def test_json_writes_a_character_in_two_halves():
    assert load_yaml('"\\ud83d\\ude00": "\\ud83d\\ude00!"', "here") == {"😀": "😀!"}
