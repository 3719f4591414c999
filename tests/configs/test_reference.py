from pathlib import Path

from labelmend.configs.load import config_to_dict, leaves, load_config
from labelmend.configs.reference import settings_page

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_of_settings_is_up_to_date():
    assert PAGE.read_text("utf-8") == settings_page(), "run `make settings`"


def test_the_page_has_every_setting():
    page = settings_page()
    for path in leaves(config_to_dict(load_config())):
        names = ["N" if isinstance(part, int) else part for part in path]
        if names[0] == "evidence":
            names[1] = "NAME"
        key = ".".join(names)
        assert f"\n| `{key}` | " in page or f"\n## `{key}" in page, key
    assert "| `voters.N.server.url` | none | str | Base URL, such as http" in page
    assert (
        "| `decision.max_harm` | `0.005` | a share from 0 to 1 | Share of the good labels that may "
        "be broken. |"
    ) in page
