"""Files of other tools: Excel, fastText, Prodigy and Rasa. `corrupt` reads and writes them."""

import io
import json
import random
import re
import zipfile

import openpyxl
from fuzz.cases.tables import COMMAND, ROWS, TOPICS
from fuzz.forked import Case

ONCE_BAD = re.compile(
    r"as (it|they) should be$|sheet2.xml cut|blanks in a text|a merge of everything"
)
FASTTEXT = "".join(f"__label__{label} {text}\n" for text, label in ROWS)
OPTIONS = [{"id": place, "text": label} for place, label in enumerate(TOPICS)]
TASKS = [
    {
        "text": text,
        "options": OPTIONS,
        "accept": [list(TOPICS).index(label)],
        "answer": "accept",
        "_view_id": "choice",
        "_task_hash": row,
    }
    for row, (text, label) in enumerate(ROWS)
]
BINARY = [
    {"text": text, "label": label, "answer": "accept", "_view_id": "classification"}
    for text, label in ROWS
]
NLU = 'version: "3.1"\n\nnlu:\n' + "".join(
    f"- intent: {label}\n  examples: |\n"
    + "".join(f"    - {text}\n" for text, each in ROWS if each == label)
    for label in TOPICS
)
DEEP = "[" * 100_000


def case(name, content, file, *, kind="", **more):
    """A table that comes back in its own format, so that it is written, too."""
    suffix = file.rpartition(".")[2]
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    argv = (*COMMAND, f"out.{suffix}", "--", file)
    return Case(f"tool {name}", argv, {file: raw}, kind=kind and f"tool {kind}", **more)


def once(name, kind):
    """The kind of a case; none where CI runs it for itself."""
    return "" if ONCE_BAD.search(name) else kind


def characters(text, seed, among):
    rng = random.Random(seed)
    held = list(text)
    for _ in range(rng.randint(1, 6)):
        held[rng.randrange(len(held))] = rng.choice(among)
    return "".join(held)


def fasttext_cases():
    for name, content in {
        "as it should be": FASTTEXT,
        "no label": FASTTEXT + "just a text\n",
        "a label alone": FASTTEXT + "__label__lost\n",
        "an empty label": FASTTEXT + "__label__ where is it\n",
        "several labels": FASTTEXT + "__label__lost __label__renew both\n",
        "10,000 labels in a row": FASTTEXT + "__label__a" * 10_000 + " x\n",
        "100,000 labels apart": FASTTEXT + "__label__a " * 100_000 + "x\n",
        "labels only": "__label__lost\n__label__renew\n" * 20,
        "one label": FASTTEXT.replace("__label__lost", "__label__renew"),
        "an escape in a label": FASTTEXT.replace("lost", "lo\x1b[31mst\u202e"),
        "a NUL": FASTTEXT + "__label__lost a\0b\n",
        "comments": FASTTEXT + '"__label__lost a, b __comment__ c"\n',
        "a quote that is not closed": '"' + FASTTEXT,
        "a quote that is not closed at the end": FASTTEXT + '"__label__lost gone\n',
        "a quote alone": FASTTEXT + '"\n"__label__lost\n',
        "odd spaces": FASTTEXT + "\u00a0__label__lost\u2003where\u3000is it\n",
        "carriage returns": FASTTEXT.replace("\n", "\r"),
        "another prefix": FASTTEXT.replace("__label__", "__class__"),
        "a long label": FASTTEXT + f"__label__{'x' * 300_000} a\n",
        "a million underscores": FASTTEXT + "_" * 1_000_000 + " a\n",
        "a million blanks": FASTTEXT + "__label__lost" + " " * 1_000_000 + "a\n",
        "a million blanks in a text": FASTTEXT + "__label__lost a" + " " * 1_000_000 + "a\n",
    }.items():
        yield case(f"fastText: {name}", content, "t.txt", kind=once(name, "fastText"))
    for seed in range(20):
        changed = characters(FASTTEXT, seed, '_ \n\r\t\0"\x1b\ud800é__')
        yield case(
            f"fastText: characters changed {seed}", changed, "t.txt", kind="fastText changed"
        )


def prodigy_cases():
    def lines(tasks):
        return "".join(json.dumps(task) + "\n" for task in tasks)

    yield case("Prodigy: choices as they should be", lines(TASKS), "t.jsonl")
    yield case("Prodigy: binary as it should be", lines(BINARY), "t.jsonl")
    for name, fields in {
        "accept of an object": {"accept": {"a": 1}},
        "accept of a text": {"accept": "lost"},
        "accept of nothing": {"accept": None},
        "accept of lists": {"accept": [[0]]},
        "accept nested": {"accept": json.loads("[" * 200 + "]" * 200)},
        "accept of two": {"accept": [0, 1]},
        "accept of an unknown id": {"accept": [99]},
        "accept of 400 digits": {"accept": [int("9" * 400)]},
        "accept of half a character": {"accept": ["\ud800"]},
        "an answer that is none": {"answer": "maybe\x1b[31m"},
        "an answer of a list": {"answer": ["accept"]},
        "an answer of nothing": {"answer": None},
        "rejected": {"answer": "reject"},
        "no options": {"options": None},
        "options of texts": {"options": ["lost", "renew"]},
        "options of one id": {"options": [{"id": 0, "text": "a"}, {"id": 0, "text": "b"}]},
        "options of one text": {"options": [{"id": 0, "text": "a"}, {"id": 1, "text": "a"}]},
        "options of objects": {"options": [{"id": {"a": 1}, "text": {"b": 2}}]},
        "options of escapes": {"options": [{"id": "\x1b[31m", "text": "\x9b1m"}], "accept": ["x"]},
        "10,000 options": {"options": [{"id": i, "text": f"o{i}"} for i in range(10_000)]},
        "our column already": {"true_label": "x"},
        "a mended label of lists": {"mended_label": [[1]]},
        "columns of rejections": {"rejected": 1, "rejected_label": 2, "_rejected": 3},
        "a label of an object": {"label": {"name": "lost"}},
        "flagged by a text": {"flagged": "yes"},
        "a text of an object": {"text": {"a": 1}},
    }.items():
        for kind, tasks in (("choice", TASKS), ("binary", BINARY)):
            some = [{**task, **fields} if row % 3 == 0 else task for row, task in enumerate(tasks)]
            every = [{**task, **fields} for task in tasks]
            yield case(
                f"Prodigy {kind}: {name} in some", lines(some), "t.jsonl", kind="Prodigy some"
            )
            yield case(
                f"Prodigy {kind}: {name} in all", lines(every), "t.jsonl", kind="Prodigy all"
            )
    for seed in range(20):
        body = lines((TASKS, BINARY)[seed % 2])
        changed = characters(body, seed, '0123456789{}[]",:aeN-.\x1b\ud800')
        yield case(
            f"Prodigy: characters changed {seed}", changed, "t.jsonl", kind="Prodigy changed"
        )


def rasa_cases():
    for name, content in {
        "as it should be": NLU,
        "an alias": "nlu: &a\n- intent: x\n  examples: *a\n",
        "a bomb": "a: &a [x, x]\nb: &b [*a, *a]\nnlu: [*b, *b]\n",
        "nested lists": f"nlu: {DEEP}",
        "nested blocks": "nlu:\n" + "".join(" " * i + "- \n" for i in range(1, 2000)),
        "nested mappings": "nlu: " + "{a: " * 3000 + "1" + "}" * 3000 + "\n",
        "nothing": "nlu:\n",
        "a text": "nlu: hello\n",
        "a mapping": "nlu: {intent: x, examples: y}\n",
        "intents of nothing": NLU.replace("intent: lost", "intent:"),
        "intents of lists": NLU.replace("intent: lost", "intent: [lost]"),
        "an intent twice in one": NLU.replace("intent: lost", "intent: lost\n  intent: renew"),
        "examples twice in one": NLU + "  examples: |\n    - again\n",
        "examples of nothing": NLU + "- intent: lost\n  examples:\n",
        "examples of a number": NLU + "- intent: lost\n  examples: 3\n",
        "examples of a line": NLU + '- intent: lost\n  examples: "- a\\n- b"\n',
        "examples folded": NLU + "- intent: lost\n  examples: >\n    - a\n    - b\n",
        "examples in brackets": NLU + "- intent: lost\n  examples: [a, b]\n",
        "examples without dashes": NLU + "- intent: lost\n  examples: |\n    a\n    b\n",
        "examples of mappings": NLU + "- intent: lost\n  examples:\n  - {text: [a], metadata: 3}\n",
        "metadata nested": NLU
        + f"- intent: lost\n  examples:\n  - text: a\n    metadata: {'[' * 18}{']' * 18}\n",
        "metadata of 400 digits": NLU
        + f"- intent: lost\n  examples:\n  - text: a\n    metadata: {{n: {'9' * 400}}}\n",
        "metadata of ours": NLU
        + "- intent: lost\n  examples:\n  - text: a\n    metadata: {true_label: x, text: y}\n",
        "metadata of keys that are lists": NLU
        + "- intent: lost\n  examples:\n  - text: a\n    metadata: {? [a] : b, ? {c: d} : e}\n",
        "escapes in an intent": NLU.replace("intent: lost", 'intent: "lo\\e[31m\\x9bst"'),
        "escapes in an example": NLU + '- intent: lost\n  examples:\n  - "a\\e[31m\\x85b\\0"\n',
        "half a character": NLU + '- intent: lost\n  examples:\n  - "\\ud800"\n',
        "marks without end": NLU.replace("book", "[" * 3000),
        "marks in marks": NLU.replace("book", "[a](b" * 500 + ")" * 500),
        "a tag": NLU.replace("intent: lost", "intent: !!python/object/apply:os.system [id]"),
        "two documents": NLU + "---\n" + NLU,
        "a NUL": NLU + "\0",
        "tabs": NLU.replace("    - ", "\t- "),
        "carriage returns": NLU.replace("\n", "\r\n"),
        "line separators": NLU.replace("book", "bo\u2028ok\u0085"),
        "a comment behind": NLU + "# the end",
        "no end": NLU + '- intent: "lo',
        "a merge": NLU + "- <<: {intent: lost}\n  examples: |\n    - a\n",
        "the key in a text": "x: |\n  a\nnlu : y\n",
    }.items():
        yield case(f"Rasa: {name}", content, "t.yml", kind=once(f"Rasa: {name}", "Rasa"))
    for seed in range(30):
        changed = characters(NLU, seed, "[]{}:,&*!|>'\"%@`#-? \t\n\0\x1b\ud800aé9~<")
        yield case(f"Rasa: characters changed {seed}", changed, "t.yml", kind="Rasa changed")


def workbook(**more):
    """A workbook with our rows, and another sheet."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["text", "label"])
    for row in ROWS:
        sheet.append(list(row))
    book.create_sheet("more")["B2"] = "x"
    for place, value in more.items():
        sheet[place] = value
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def parts_of(raw):
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def packed(parts):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return held.getvalue()


SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
INLINE = re.compile(rb't="inlineStr"><is><t>(.*?)</t></is>')


def shared(parts):
    """A workbook's parts with its texts in a part of their own, as Excel writes them."""
    texts = list(dict.fromkeys(INLINE.findall(parts[SHEET])))
    sheet = INLINE.sub(lambda found: b't="s"><v>%d</v>' % texts.index(found[1]), parts[SHEET])
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    about = b"http://schemas.openxmlformats.org/%s/2006/%s"
    target = b'<Relationship Type="%s" Target="sharedStrings.xml" Id="rId9"/></Relationships>'
    more = {
        "[Content_Types].xml": b'<Override PartName="/%s" ContentType="%s"/></Types>'
        % (STRINGS.encode(), kind),
        "xl/_rels/workbook.xml.rels": target
        % (about % (b"officeDocument", b"relationships/sharedStrings")),
    }
    ends = {name: b"</" + put.rpartition(b"</")[2] for name, put in more.items()}
    found = {
        name: raw.replace(ends[name], more[name]) if name in more else raw
        for name, raw in parts.items()
    }
    strings = b"".join(b"<si><t>%s</t></si>" % text for text in texts)
    main = about % (b"spreadsheetml", b"main")
    return {**found, SHEET: sheet, STRINGS: b'<sst xmlns="%s">%s</sst>' % (main, strings)}


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
    f'<!ENTITY {"abcdefghij"[i]} "{("&" + "abcdefghij"[i - 1] + ";") * 10}">'.encode()
    for i in range(1, 10)
)


def workbook_cases():
    good = workbook()
    whole = shared(parts_of(good))
    yield case("Excel: as it should be", packed(whole), "t.xlsx")
    yield case("Excel: texts in the cells", good, "t.xlsx")
    for name, cells in {
        "formulas": {"A2": "=1/0", "B3": '=HYPERLINK("http://x")'},
        "a label of an error": {"B2": "#REF!"},
        "escapes": {"B2": "lo_x001B_[31mst", "A1": "te_x001B_xt"},
        "a cell far away": {"XFD1048576": "x"},
        "a name twice": {"C1": "text"},
        "our column already": {"C1": "true_label"},
        "a name that is a number": {"C1": 1e300},
        "a long text": {"A2": "x" * 40_000},
    }.items():
        yield case(f"Excel: {name}", workbook(**cells), "t.xlsx", kind="Excel cells")
    for part in whole:
        for what, change in {
            "missing": None,
            "empty": lambda raw: b"",
            "cut": lambda raw: raw[: len(raw) // 2],
            "noise": lambda raw: random.Random(1).randbytes(500),
            "another root": lambda raw: b"<a/>",
            "a bomb of entities": lambda raw: re.sub(
                rb"(<\?xml[^>]*\?>)?", lambda found: found[0] + ENTITIES + b"]>", raw, count=1
            ).replace(b"</", b"&j;</", 1),
            "an entity of a file": lambda raw: re.sub(
                rb"(<\?xml[^>]*\?>)?",
                lambda found: found[0] + b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
                raw,
                count=1,
            ).replace(b"</", b"&e;</", 1),
            "nested": lambda raw: b"<a>" * 100_000,
        }.items():
            parts = {n: raw for n, raw in whole.items() if n != part}
            if change is not None:
                parts[part] = change(whole[part])
            name = f"Excel: {part} {what}"
            yield case(name, packed(parts), "t.xlsx", kind=once(name, "Excel parts"))
    for name, (part, old, new) in {
        "a string too far": (SHEET, rb'(t="s"><v>)\d+', rb"\g<1>999999"),
        "a string below 0": (SHEET, rb'(t="s"><v>)\d+', rb"\g<1>-5"),
        "a string of 400 digits": (SHEET, rb'(t="s"><v>)\d+', rb"\g<1>" + b"9" * 400),
        "a kind that is none": (SHEET, rb't="s"', b't="zz"'),
        "a place that is none": (SHEET, rb'r="A2"', b'r="2A"'),
        "a row of 400 digits": (SHEET, rb'<row r="2"', b'<row r="' + b"9" * 400 + b'"'),
        "a row below 0": (SHEET, rb'<row r="2"', b'<row r="-2"'),
        "a size of everything": (SHEET, rb'ref="[A-Z0-9:]+"', b'ref="A1:XFD1048576"'),
        "a style too far": (SHEET, rb'<c r="A2"', b'<c r="A2" s="99999"'),
        "a merge of everything": (
            SHEET,
            rb"</sheetData>",
            b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>',
        ),
        "a number that is none": (SHEET, rb't="s"><v>\d+', b't="n"><v>abc'),
        "a number of 400 digits": (SHEET, rb't="s"><v>\d+', b't="n"><v>' + b"9" * 400),
        "a date beyond time": (SHEET, rb't="s"><v>\d+', b't="d"><v>99999-99-99'),
        "strings of escapes": (STRINGS, rb"lost", b"lo&#27;[31mst"),
        "a sheet that is none": ("xl/workbook.xml", rb'r:id="rId1"', b'r:id="rId99"'),
        "a sheet without a name": ("xl/workbook.xml", rb'name="Sheet"', b'name=""'),
        "two sheets of one name": ("xl/workbook.xml", rb'name="more"', b'name="Sheet"'),
        "a sheet elsewhere": (
            "xl/_rels/workbook.xml.rels",
            rb'Target="[^"]*sheet1\.xml"',
            b'Target="../../../etc/passwd"',
        ),
    }.items():
        changed = re.sub(old, new, whole[part], count=1)
        raw = packed({**whole, part: changed})
        kind = once(f"Excel: {name}", "Excel values")
        yield case(f"Excel: {name}", raw, "t.xlsx", kind=kind)
    for seed in range(60):
        rng = random.Random(seed)
        part = rng.choice(sorted(whole))
        held = bytearray(whole[part])
        for _ in range(rng.randint(1, 4)):
            held[rng.randrange(len(held))] = rng.choice(b'<>/"=&0A9z \x00\xff')
        raw = packed({**whole, part: bytes(held)})
        yield case(f"Excel: bytes changed {seed}", raw, "t.xlsx", kind="Excel: bytes changed")
    for seed in range(20):
        rng = random.Random(seed)
        held = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            # Heads of parts, and the directory at the end.
            held[rng.choice((rng.randrange(60), len(held) - 1 - rng.randrange(900)))] ^= 1 << 3
        yield case(f"Excel: bits changed {seed}", bytes(held), "t.xlsx", kind="Excel: bits changed")


def cases():
    for group in (fasttext_cases, prodigy_cases, rasa_cases, workbook_cases):
        yield from group()
