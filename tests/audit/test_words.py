from dataclasses import replace

from labelmend.audit.agreement import Agreement, Person
from labelmend.audit.figures import Figure
from labelmend.audit.words import forecast_in_words, in_words
from labelmend.types import Share
from labelmend.voice.speak import speaking


def test_ten_lines_at_most(certificate):
    lines = in_words(certificate)
    assert lines[0] == (
        "97 of 100 drawn rows are answered, 3 unsure (taken to be like the others of their "
        "stratum); the table has 1,500."
    )
    assert lines[1:5] == (
        "wrong labels before:     20.0%  (15.0% to 26.0%)",
        "wrong labels after:      10.0%  (6.2% to 15.0%)",
        "good labels broken:       1.0%  (0.0% to 2.0%)",
        "changes that are right:  90.0%  (80.0% to 95.0%)",
    )
    assert "fixed beforehand" in lines[5]
    assert lines[6] == (
        "50 more answers would narrow, in points: wrong labels before 11.0 to 8.0, wrong labels "
        "after 8.8 to 7.0, good labels broken 2.0 to 1.5, changes that are right 15.0 to 10.0."
    )
    assert len(in_words(replace(certificate, taught=100, open=5))) <= 9


def test_an_audit_that_goes_on_quotes_the_intervals_of_any_look(certificate):
    lines = in_words(replace(certificate, headline="anytime_95", open=10))
    assert "10 are open" in lines[0]
    assert lines[1] == "wrong labels before:     20.0%  (12.5% to 30.0%)"
    assert "whenever you look" in lines[5]


def test_rows_that_taught_are_told(certificate):
    assert any(
        "100 rows have their label from" in line
        for line in in_words(replace(certificate, taught=100))
    )


def test_how_far_people_agree(certificate):
    nobody = Agreement(Share(0, 0, 0.0, 1.0), 0, None, (Person("anna", 97, 0, None),))
    lines = in_words(replace(certificate, agreement=nobody))
    assert lines[-1] == "Agreement of people: not known: nobody answered the same texts."
    assert len(in_words(replace(certificate, agreement=nobody, taught=9, open=5))) <= 9
    people = (
        Person("anna", 97, 10, 0.9375),
        Person("bob", 10, 10, 0.96),
        Person("eve", 4, 0, None),
    )
    some = Agreement(Share(8, 10, 0.49, 0.943), 10, 0.734, people)
    assert in_words(replace(certificate, agreement=some))[-2:] == (
        "10 texts were answered by several people: all agree on 8 (80.0%, 95 % interval 49.0% to "
        "94.3%); Krippendorff's alpha 0.73.",
        "Reliability: anna 93.8% (10 of 97 answers to compare), bob 96.0% (10 of 10 answers to "
        "compare), eve not known: nobody answered the same texts.",
    )
    one = Agreement(Share(1, 1, 0.2, 1.0), 0, None, people * 4)
    said, who = in_words(replace(certificate, agreement=one))[-2:]
    assert said == (
        "1 text was answered by several people: all agree on 1 (100.0%, 95 % interval 20.0% to "
        "100.0%); beyond chance, nothing can be said: there is one answer only; beside 1 of them "
        "several people saw labels, so they agree the more."
    )
    assert who.endswith(", and 4 more.")


def test_a_forecast():
    assert forecast_in_words(50, {"wrong_before": 0.153, "broken": 0.02}) == (
        "50 rows: wrong labels before 15.3, good labels broken 2.0"
    )


def test_the_same_in_russian(certificate):
    people = (Person("anna", 97, 10, 0.9375), Person("bob", 21, 0, None))
    some = Agreement(Share(8, 22, 0.49, 0.943), 21, 0.734, people)
    with speaking("ru"):
        lines = in_words(replace(certificate, agreement=some, open=5))
        forecast = forecast_in_words(51, {"wrong_before": 0.153})
    assert [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines] == [
        "Ответы есть на 97 из 100 выбранных строк, 3 с ответом «не знаю» (считаются такими же, как "  # noqa: RUF001
        "остальные в их слое), 5 открыто; всего в таблице 1 500.",
        "неверных меток до исправления:     20,0 %  (от 15,0 % до 26,0 %)",
        "неверных меток после исправления:  10,0 %  (от 6,2 % до 15,0 %)",
        "испорчено верных меток:             1,0 %  (от 0,0 % до 2,0 %)",
        "верных изменений:                  90,0 %  (от 80,0 % до 95,0 %)",
        "Каждый интервал верен с доверием 95 %, так как число строк было выбрано заранее; если вы "  # noqa: RUF001
        "смотрели раньше и могли остановиться, берите интервалы из anytime_95.",
        "Ещё 50 ответов сузили бы интервалы, в п. п.: неверных меток до исправления с 11,0 до "  # noqa: RUF001
        "8,0, неверных меток после исправления с 8,8 до 7,0, испорчено верных меток с 2,0 до 1,5, "  # noqa: RUF001
        "верных изменений с 15,0 до 10,0.",  # noqa: RUF001
        "На 22 текста ответили несколько человек: все согласны в 8 (36,4 %, 95 %-й интервал от "  # noqa: RUF001
        "49,0 % до 94,3 %); альфа Криппендорфа 0,73; рядом с 1 из них несколько человек видели "  # noqa: RUF001
        "метки, поэтому согласие завышено.",
        "Надёжность: anna 93,8 % (сравнимы 10 из 97 ответов), bob неизвестно: на одни и те же "
        "тексты никто не отвечал.",
    ]
    assert forecast == "51 строка: неверных меток до исправления 15,3"


def several_of(certificate):
    """The certificate of a table with several labels a row."""
    figures = (
        Figure("missing_before", 0.2, (0.15, 0.26), (0.125, 0.3)),
        Figure("removed_holding", 0.0, (0.0, 0.01), (0.0, 0.02)),
        Figure("rows_right_after", 0.75, (0.5, 0.875), (0.25, 0.9375)),
    )
    return replace(
        certificate, figures=figures, further={}, task="several", most_labels=4, taught=60
    )


def test_several_labels_a_row(certificate):
    lines = in_words(several_of(certificate))
    assert lines[1:4] == (
        "missing labels before:     20.0%  (15.0% to 26.0%)",
        "right labels taken away:    0.0%  (0.0% to 1.0%)",
        "rows wholly right now:     75.0%  (50.0% to 87.5%)",
    )
    assert "no row is taken to have more than 4;" in lines[4]
    # Nothing was held out of what answers taught: a note tells of them.
    assert not any("what would be decided without it" in line for line in lines)
