from dataclasses import replace

from labelmend.audit.words import forecast_in_words, in_words


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


def test_a_forecast():
    assert forecast_in_words(50, {"wrong_before": 0.153, "broken": 0.02}) == (
        "50 rows: wrong labels before 15.3, good labels broken 2.0"
    )
