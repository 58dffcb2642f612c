"""Parquet tables: read some rows at a time, cells as people write them, and what is damaged said."""

import tracemalloc

import pytest

from darkroom.domain.problem import BadInput
from darkroom.sheets import Row, parquet, read

core = pytest.importorskip("arro3.core")
io = pytest.importorskip("arro3.io")


@pytest.fixture
def table(tmp_path):
    def written(columns, name="t.parquet", **options):
        path = tmp_path / name
        io.write_parquet(core.Table.from_pydict(columns), path, **options)
        return path

    return written


def texts(*values):
    return core.Array(list(values), core.DataType.string())


def test_cells_are_read_as_people_write_them(table):
    numbers = core.Array([1.0, 2.5], core.DataType.float64())
    truths = core.Array([True, None], core.DataType.bool())
    rows = list(read(table({"sku": texts("a", "b"), "price": numbers, "sold": truths})))
    assert rows == [
        Row(2, {"sku": "a", "price": "1", "sold": "true"}),
        Row(3, {"sku": "b", "price": "2.5", "sold": ""}),
    ]


def test_a_file_without_a_name_is_known_by_its_first_bytes(table):
    path = table({"prompt": texts("a cat")}, name="-")
    assert [row.cells for row in read(path)] == [{"prompt": "a cat"}]


def test_a_long_table_is_read_some_rows_at_a_time(table):
    number = 50_000
    path = table({"prompt": texts(*(f"a cat, number {n:060}" for n in range(number)))})
    tracemalloc.start()
    last = None
    for row in read(path):
        last = row
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert last.line == number + 1
    assert peak < 4_000_000


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda _: b"PAR1" + b"x" * 100 + b"\x08\0\0\0PAR1",
        lambda data: data[:4] + b"\xff" * 40 + data[44:],
    ],
    ids=["cut short", "another end", "another beginning"],
)
def test_a_damaged_file_is_refused(table, damage):
    path = table({"prompt": texts(*"abc")})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadInput, match="the Parquet file cannot be read"):
        list(read(path))


def test_an_empty_table_is_refused(table):
    with pytest.raises(BadInput, match="no rows under the header"):
        list(read(table({"prompt": texts()})))


def test_without_its_reader_the_fix_is_named(table, monkeypatch):
    path = table({"prompt": texts("a cat")})
    monkeypatch.setattr(parquet, "io", None)
    with pytest.raises(BadInput, match=r"pip install 'darkroom\[parquet\]'"):
        list(read(path))
