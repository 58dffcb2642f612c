"""Bad input: one clear message with line, column, value and fix; exit status 2; nothing started or spent."""

import codecs

import pytest

CASES = {
    "empty file": ("e.csv", b"", [], ["e.csv: the file is empty; put at least one prompt into it"]),
    "header only": ("h.csv", b"prompt\n", [], ["h.csv: there are no rows under the header"]),
    "no prompt column": (
        "c.csv",
        b"title,colour\nmug,red\n",
        [],
        ["c.csv:1: column prompt: there is no column `prompt`; the columns are: title, colour"],
    ),
    "Latin-1": (
        "l.csv",
        "prompt\nfine\ncafé\n".encode("latin-1"),
        [],
        ["l.csv:3: value '0xE9'", "save the file as UTF-8"],
    ),
    "UTF-16 without a mark": (
        "u.csv",
        "prompt\ncat\n".encode("utf-16-le"),
        [],
        ["UTF-16 needs a byte order mark"],
    ),
    "binary": ("b.csv", b"\x89PNG\r\n\x1a\n" + bytes(99), [], ["looks like a PNG image"]),
    "size": (
        "s.csv",
        b"prompt,size\ncat,1024x1024\ndog,1080x1920\n",
        [],
        ["s.csv:3: column size, value '1080x1920': ", "the nearest is 1088x1920"],
    ),
    "duplicate custom_id": (
        "d.csv",
        b"custom_id,prompt\nx,cat\ny,dog\nx,cow\n",
        [],
        ["d.csv:4: column custom_id, value 'x': the same custom_id stands in line 2"],
    ),
    "long prompt": (
        "p.txt",
        b"a" * 40_000,
        [],
        ["p.txt:1: column prompt", "40,000 characters; the API takes 32,000"],
    ),
    "lookalike column": (
        "q.csv",
        b"prompt,qualty\ncat,low\n",
        [],
        ["q.csv:1: column qualty", "did you mean `quality`?"],
    ),
    "misspelt key": (
        "k.jsonl",
        b'{"prompt": "cat"}\n{"prompt": "dog", "qualty": "low", "size": "1x1"}\n',
        [],
        ["k.jsonl:2: column qualty, value 'low': unknown", "k.jsonl:2: column size, value '1x1'"],
    ),
    "misspelt header and a bad row": (
        "h.csv",
        b"prompt,qualty,size\ncat,low,1x1\n",
        [],
        ["h.csv:1: column qualty", "h.csv:2: column size, value '1x1'"],
    ),
    "half a line of JSON": (
        "j.jsonl",
        b'{"prompt": "cat"}\n{"prompt": "do',
        [],
        ['j.jsonl:2: value \'{"prompt": "do\'', "write one complete object a line"],
    ),
    "retired model": ("m.csv", b"prompt\ncat\n", ["--model", "dall-e-3"], ["--model 'dall-e-3'"]),
    "size option": (
        "o.csv",
        b"prompt\ncat\ndog\n",
        ["--size", "999x999"],
        ["--size '999x999': both edges must be divisible by 16; the nearest is 992x992"],
    ),
    "format option": ("f.csv", b"prompt\ncat\n", ["--format", "bmp"], ["--format 'bmp'"]),
    "template column": (
        "t.csv",
        b"title\nmug\n",
        ["--template", "a {{ titel }}"],
        ["t.csv:2: column titel", "did you mean {{ title }}?"],
    ),
    "template syntax": ("x.csv", b"title\nmug\n", ["--template", "{{ title"], ["--template: "]),
}


@pytest.mark.parametrize("command", ["run", "estimate"])
@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_refused_before_anything_is_started(darkroom, write, here, command, case):
    name, content, options, fragments = CASES[case]
    out = ["--out", "images"] if command == "run" else []
    outcome = darkroom(command, write(name, content), *out, *options)
    assert outcome.status == 2
    assert outcome.err.count(fragments[0]) == 1
    for fragment in fragments:
        assert fragment in outcome.err
    assert "Traceback" not in outcome.err
    assert sorted(path.name for path in here.iterdir()) == [name]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_text_with_a_byte_order_mark_is_fine(darkroom, write, mark):
    encoding = {3: "utf-8"}.get(len(mark), "utf-16-le" if mark[0] == 0xFF else "utf-16-be")
    outcome = darkroom("estimate", write("b.csv", mark + "prompt\n猫\n".encode(encoding)))
    assert outcome.status == 0


def test_one_bad_row_among_ten_thousand_is_named(darkroom, write):
    rows = [f"sku-{n},prompt {n},1024x1024" for n in range(10_000)]
    rows[6_788] = "sku-6788,prompt,640x480"
    content = "\n".join(["custom_id,prompt,size", *rows])
    outcome = darkroom("run", write("big.csv", content), "--out", "images")
    assert outcome.status == 2
    problem, refusal = outcome.err.splitlines()
    assert problem.startswith("big.csv:6790: column size, value '640x480': ")
    assert refusal.startswith("darkroom: 1 of 10,000 rows in big.csv cannot be used")
    assert "--skip-bad-rows" in refusal


def test_fifty_problems_are_listed_and_the_others_counted(darkroom, write):
    content = "prompt,size\n" + "cat,1x1\n" * 70
    outcome = darkroom("estimate", write("many.csv", content))
    assert outcome.err.count("column size") == 50
    assert "and 20 more" in outcome.err


def test_a_value_cannot_steer_the_terminal(darkroom, write):
    outcome = darkroom("estimate", write("t.csv", "prompt,\x1b[2Jqualty\ncat,low\n"))
    assert "\x1b" not in outcome.err + outcome.out


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["estimate", "nowhere.csv"], "there is no file nowhere.csv"),
        (["estimate", "."], "is a directory"),
        (["estimate"], "(see darkroom estimate --help)"),
        (["catalog", "publish"], "(see darkroom catalog publish --help)"),
        (["run", "p.csv"], "--out"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run", "p.csv", "--out", "x", "--budget", "much"], "--budget 'much'"),
        (["run", "p.csv", "--out", "x", "--budget", "-1"], "--budget '-1'"),
        (["run", "p.csv", "--out", "x", "--deadline", "soon"], "--deadline 'soon'"),
        (["run", "p.csv", "--out", "x", "--deadline", "2020-01-01"], "is over already"),
        (["run", "p.csv", "--out", "x", "--deadline", "25:00"], "write 06:00"),
        (["run", "p.csv", "--out", "x", "--deadline", "999999999d"], "write less"),
        (["catalog", "sync", "--deadline", "25:00"], "write 06:00"),
        (["run", "p.csv", "--out", "x", "--window", "22-6"], "write 22:00-06:00"),
        (["run", "p.csv", "--out", "x", "--timezone", "Mars"], "write one such as Europe/Berlin"),
        (["run", "p.csv", "--out", "p.csv"], "--out p.csv cannot be written"),
        (["run", "p.csv", "--out", "x", "--detach"], "`darkroom up`"),
        (["submit", "p.csv"], "no stack is running on .darkroom; start one with `darkroom up`"),
    ],
)
def test_wrong_usage_is_told_in_one_line(darkroom, write, here, arguments, fragment):
    write("p.csv", "prompt\ncat\n")
    outcome = darkroom(*arguments)
    assert outcome.status == 2
    assert outcome.last_words.startswith("darkroom: ")
    assert fragment in outcome.last_words
    assert not (here / ".darkroom").exists()


@pytest.mark.parametrize(
    ("setting", "fragment"),
    [
        ("DARKROOM_API_PORT=http", "DARKROOM_API_PORT=http cannot be used: "),
        ("DARKROOM_MAX_IN_FLIGHT=0", "it must be more than 0"),
        ("DARKROOM_ON_UNKNOWN=pray", "'retry' or 'fail'"),
        ("DARKROOM_API_URL=http://127.0.0.1:1", "DARKROOM_API_KEY"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(darkroom, write, monkeypatch, setting, fragment):
    monkeypatch.setenv(*setting.split("="))
    outcome = darkroom("estimate", write("p.csv", "prompt\ncat\n"))
    assert outcome.status == 2
    assert fragment in outcome.last_words


def test_a_broken_darkroom_toml_is_named(darkroom, write):
    write("darkroom.toml", "workers = \n")
    outcome = darkroom("estimate", write("p.csv", "prompt\ncat\n"))
    assert (outcome.status, outcome.out) == (2, "")
    assert "darkroom.toml is not valid TOML" in outcome.last_words


def test_a_template_error_is_told_once_with_its_rows(darkroom, write):
    write("t.csv", "title,colour\n" + "mug,red\n" * 2_000)
    outcome = darkroom("estimate", "t.csv", "--template", "a {{ colur }} {{ title }}")
    assert outcome.status == 2
    [problem] = [line for line in outcome.err.splitlines() if line.startswith("t.csv:")]
    assert "did you mean {{ colour }}?" in problem
    assert problem.endswith("(in 2,000 rows: lines 2, 3, 4, …)")


def test_a_priority_out_of_range_is_refused_here(darkroom, write):
    write("p.csv", "prompt\na cat\n")
    outcome = darkroom("submit", "p.csv", "--priority", "5000")
    assert outcome.status == 2
    assert "--priority 5000 cannot be used; write -1000 to 1000" in outcome.last_words
