import csv

import pytest


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "clean.csv"
    rows = "".join(f'{i:03},"text {i}",{"abc"[i % 3]}\n' for i in range(30))
    path.write_text(f"nr,text,label\n{rows}")
    return path


def test_uniform_noise(cli, table):
    noisy = table.with_name("noisy.csv")
    ran = cli("corrupt", table, "-o", noisy, "--noise", "uniform=0.2", "--seed", 5)
    # 0.2 of 30 rows.
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"6 of 30 labels changed (seed 5) in {noisy}\n"
    clean, rows = read(table), read(noisy)
    assert [row["true_label"] for row in rows] == [row["label"] for row in clean]
    assert [(row["nr"], row["text"]) for row in rows] == [(r["nr"], r["text"]) for r in clean]
    assert sum(row["label"] != row["true_label"] for row in rows) == 6
    assert table.read_text().splitlines()[1] == '000,"text 0",a'


def test_the_same_seed_does_the_same_and_another_does_not(cli, table):
    outputs = []
    for number, seed in enumerate((1, 1, 2)):
        output = table.with_name(f"{number}.csv")
        run = ("corrupt", table, "-o", output, "--noise", "uniform=0.5", "--seed", seed, "-q")
        assert cli(*run).out == ""
        outputs.append(output.read_bytes())
    assert outputs[0] == outputs[1] != outputs[2]


def test_nearest_noise_takes_the_near_label(cli, tmp_path, minilm):
    texts = {
        "card_lost": ["I lost my card", "my card is lost", "can't find my card"],
        "card_gone": ["I have lost my card", "lost card", "where is my card, I lost it"],
        "weather": ["will it rain tomorrow", "sunny weather today", "is it snowing"],
    }
    lines = [f'"{text}",{label}\n' for label, part in texts.items() for text in part]
    (tmp_path / "t.csv").write_text("text,label\n" + "".join(lines))
    run = ("corrupt", tmp_path / "t.csv", "-o", tmp_path / "n.csv", "--noise", "nearest=1", "-q")
    assert cli(*run).code == 0
    assert all(row["label"] != row["true_label"] for row in read(tmp_path / "n.csv"))


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        (["unifrm=0.2"], "--noise unifrm=0.2: unknown kind 'unifrm' (did you mean 'uniform'?);"),
        (["uniform"], "--noise uniform: '' is no rate; write uniform=0.2"),
        (["uniform=2"], "uniform noise: the rate is 2.0: give one from 0 to 1"),
        (["uniform=nan"], "uniform noise: the rate is nan: give one from 0 to 1"),
        (["uniform=0.6", "nearest=0.6"], "the shares of noise sum to 1.2: give at most 1 in all"),
        (["oos-swap=0.1"], "oos-swap noise needs an out-of-scope label: name it with --oos-label"),
    ],
)
def test_bad_noise_is_refused_before_any_work(cli, table, noise, said):
    options = [word for share in noise for word in ("--noise", share)]
    refusal = cli("corrupt", table, "-o", table.with_name("n.csv"), *options).refusal()
    assert refusal.startswith(said)
    assert [path.name for path in table.parent.iterdir()] == ["clean.csv"]


def test_bad_files(cli, table):
    def refusal(source, output):
        return cli("corrupt", source, "-o", output, "--noise", "uniform=0.2").refusal()

    assert "is the input itself" in refusal(table, table)
    assert "is missing; create it first" in refusal(table, table.parent / "no" / "n.csv")
    assert "no such file" in refusal(table.with_name("x.csv"), table.with_name("n.csv"))
    table.write_text("text,label,true_label\na,x,x\nb,y,y\n")
    assert "already has 'true_label'" in refusal(table, table.with_name("n.csv"))
