"""Tables and recipes: exports as shops write them, variants, and what is wrong said where it stands."""

import csv
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkroom import sheets
from darkroom.catalogs.first import first_recipe
from darkroom.catalogs.plan import Planned, plan
from darkroom.catalogs.reading import Plan
from darkroom.catalogs.recipe import read_recipe
from darkroom.domain.checking import Check, Checks
from darkroom.domain.facts import packaged_toml, parse_models
from darkroom.domain.problem import BadInput, Problem

MODELS = parse_models(packaged_toml(), date(2026, 11, 22))
SHOPIFY = (
    "Handle,Title,Body (HTML),Type,Option1 Value,Image Src\n"
    'mug,Blue Mug,"<p>A <b>mug</b>\nof clay</p>",Kitchen,Small,https://cdn.example/1.jpg\n'
    "mug,,,,Large,https://cdn.example/2.jpg\n"
    "cup,Red Cup,,Kitchen,,\n"
)
MERCHANT = "id\ttitle\tdescription\tlink\timage_link\n1\tBlue mug\tOf clay\thttps://x.example\t\n"
PLAIN = 'name = "s"\ntable = "t"\ntemplate = "{{ title }}"\n'
TABLE = "sku,title\na,Mug\nb,Cup\n"


@pytest.fixture
def rows(tmp_path):
    """The plan's rows of a recipe and a table."""

    def of(recipe, table, name="t.csv"):
        path = tmp_path / name
        path.write_text(table, newline="")
        return list(plan(read_recipe(recipe), path))

    return of


def ids(found):
    assert all(isinstance(one, Planned) for one in found), found
    return [one.row["custom_id"] for one in found]


def told(recipe):
    with pytest.raises(BadInput) as bad:
        read_recipe(recipe)
    return "\n".join(map(str, bad.value.problems))


def test_a_shopify_export_is_folded_and_its_markup_stripped(rows):
    recipe = PLAIN.replace("{{ title }}", "{{ Title }}: {{ row['Body (HTML)'] }}")
    mug, cup = rows(recipe, SHOPIFY)
    assert mug.row["prompt"] == "Blue Mug: A mug of clay"
    assert (mug.line, mug.row["custom_id"]) == (2, "mug/main")
    assert cup.row["prompt"] == "Red Cup:"


def test_a_merchant_export_comes_as_it_is(rows):
    assert ids(rows(PLAIN, MERCHANT, "feed.tsv")) == ["1/main"]


@pytest.mark.parametrize(("table", "name"), [(SHOPIFY, "shop.csv"), (MERCHANT, "feed.tsv")])
def test_the_first_recipe_works_and_asks_for_no_references(tmp_path, table, name):
    path = tmp_path / name
    path.write_text(table, newline="")
    text = first_recipe(name, next(sheets.read(path)).cells)
    recipe = read_recipe(text)
    assert recipe.images == {}
    assert recipe.parameters["model"] == "gpt-image-2"
    assert recipe.parameters["quality"] == "low"
    assert "# image = " in text
    found = list(plan(recipe, path))
    assert all("image" not in one.row for one in found)


def test_variants_multiply_and_rules_skip(rows):
    recipe = PLAIN + (
        '[variants]\nangle = ["front", "side"]\nbackground = ["white", "oak"]\n'
        'skip = [{ angle = "side", background = "oak" }, { title = "cup", background = "oak" }]\n'
    )
    found = ids(rows(recipe.replace("{{ title }}", "{{ angle }} on {{ background }}"), TABLE))
    assert found == [
        "a/front-white",
        "a/front-oak",
        "a/side-white",
        "b/front-white",
        "b/side-white",
    ]


def test_templates_and_takes(rows):
    recipe = 'name = "s"\ntable = "t"\ntakes = 2\n[templates]\nhero = "{{ title }}"\nback = "x {{ title }}"\n'
    found = ids(rows(recipe, "sku,title\na,Mug\n"))
    assert found == ["a/hero-1", "a/hero-2", "a/back-1", "a/back-2"]


def test_a_column_is_no_parameter(rows):
    [one] = rows(PLAIN, "sku,title,size\na,Shirt,XL\n")
    assert "size" not in one.row


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("name = ", "not TOML"),
        (PLAIN + "tabel = 1\n", "column tabel"),
        (PLAIN.replace('"s"', '"a/b"'), "without slashes"),
        (PLAIN + "threshold = 2\n", "share from 0 to 1"),
        (PLAIN + "[parameters]\nn = 2\n", "takes"),
        (PLAIN + "[parameters]\nqualty = 'low'\n", "is no parameter"),
        (PLAIN + "[variants]\nangle = 'front'\n", "list of different texts"),
        (PLAIN + "[variants]\na = ['1', '2']\nb = ['1']\ncombine = 'zip'\n", "equally long"),
        (PLAIN + "[variants]\na = ['1']\nskip = [{ a = '1' }]\n", "every variant is skipped"),
        (PLAIN.replace("template", "tmplate"), "column template"),
        (PLAIN + "[checks]\nblnk = true\n", "is no check; use blank, duplicate"),
        (PLAIN + "[checks]\nreroll = 2\n", "column checks.budget"),
        (PLAIN + "[checks]\nreroll = 99\nbudget = 1\n", "from 0 to 10"),
    ],
)
def test_what_a_recipe_cannot_say(recipe, said):
    assert said in told(recipe)


def test_checks_are_asked_for(rows):
    assert read_recipe(PLAIN).checks is None
    assert read_recipe(PLAIN + "[checks]\n").checks == Checks(rejects=True)
    asked = "[checks]\nduplicate = false\nreroll = 2\nbudget = 2.5\n"
    found = read_recipe(PLAIN + asked).checks
    left_out = frozenset({Check.DUPLICATE})
    assert found == Checks(left_out, rejects=True, reroll=2, budget=Decimal("2.5"))


def test_a_bad_row_is_named_by_its_line_in_the_table(rows):
    twice, missing = (
        one for one in rows(PLAIN, "sku,title\na,Mug\na,Cup\n ,Cap\n") if isinstance(one, Problem)
    )
    assert (twice.line, twice.value) == (3, "a")
    assert missing.line == 4


def test_a_product_without_a_picture_is_no_edit(rows):
    recipe = PLAIN + "[images]\nimage = 'photo'\n"
    mug, cup = rows(recipe, "sku,title,photo\na,Mug,photos/mug.png\nb,Cup,\n")
    assert mug.row["image"] == "photos/mug.png"
    assert "image" not in cup.row


def test_a_picture_is_what_it_shows_and_not_what_it_is_called(tmp_path):
    """Files by their sha256, data by its bytes; only a URL is its text."""
    one, other, gone = (f"file-{digit * 32}" for digit in "123")
    holds = {one: "aa", other: "aa"}

    def known(*images, mask=None, holds=holds):
        row = {"custom_id": "a/main", "x_sku": "a", "x_variant": "main", "prompt": "a mug"}
        row |= {"images": list(images)} | ({"mask": mask} if mask else {})
        (tmp_path / "plan.jsonl").write_text(json.dumps(row))
        [wanted] = Plan(tmp_path / "plan.jsonl", "default", MODELS, lambda _: holds).wanted()
        return wanted.fingerprint

    assert known(one) == known(other)
    assert known(one) != known(one, holds={one: "bb"})
    assert known(one, mask=other) != known(one, mask=other, holds={**holds, other: "bb"})
    data = "data:image/png;base64,iVBORw=="
    assert known(data) == known(data.replace("image/png", "image/x-png"))
    assert known("https://cdn.example/1.jpg?v=1") != known("https://cdn.example/1.jpg?v=2")
    with pytest.raises(BadInput, match="no such file"):
        known(one, gone)


def test_a_column_that_is_not_there_is_named(rows):
    [problem] = rows(PLAIN.replace("{{ title }}", "{{ titel }}"), "sku,title\na,Mug\n")
    assert "did you mean {{ title }}" in problem.message
    with pytest.raises(BadInput, match="no column 'SKU'"):
        rows(PLAIN + 'sku = "SKU"\n', TABLE)


def fingerprints(folder, products, *, columns=("sku", "title", "stock"), blanks=""):
    path = folder / "t.csv"
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        for sku, title in products:
            row = {
                "sku": sku,
                "title": f"{blanks}{title}{blanks}",
                "stock": f"{blanks}{len(blanks)}",
            }
            table.writerow({name: row[name] for name in columns})
    lines = [one.json() for one in plan(read_recipe(PLAIN), path)]
    (folder / "plan.jsonl").write_bytes(b"".join(lines))
    wanted = Plan(folder / "plan.jsonl", "default", MODELS).wanted()
    return {one.key: one.fingerprint for one in wanted}


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.sampled_from(["Mug", "Cup", "A <b>bowl</b>"]), min_size=1
    ),
    st.randoms(use_true_random=False),
    st.sampled_from(["", " ", "  \t"]),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_columns_and_blanks_change_no_fingerprint(tmp_path, products, random, blanks):
    shuffled = list(products.items())
    random.shuffle(shuffled)
    columns = ["sku", "title", "stock"]
    random.shuffle(columns)
    plain = fingerprints(tmp_path, products.items())
    assert fingerprints(tmp_path, shuffled, columns=columns, blanks=blanks) == plain
    sku = next(iter(products))
    other = fingerprints(tmp_path, {**products, sku: "Something else"}.items())
    assert {key for key in plain if plain[key] != other[key]} == {(sku, "main")}
