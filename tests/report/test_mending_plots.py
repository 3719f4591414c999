"""Plots of the changes and their tables say the same, and what they say is counted by hand."""

from labelmend.report.mending import Flow
from labelmend.report.mending_plots import flow_plot


def test_the_heat_map_has_every_moved_row_once():
    flows = [Flow(f"l{i:02}", f"l{i + 1:02}", 30 - i) for i in range(15)]
    plot = flow_plot(flows)
    (heat,) = plot.figure["data"]
    assert sum(cell or 0 for row in heat["z"] for cell in row) == sum(f.rows for f in flows)
    assert len(heat["z"]) == 7  # six labels and the rest
    assert plot.figure["layout"]["xaxis"]["ticktext"][-1] == "10 others"
    assert plot.numbers.rows[0] == ("l00 → l01", "30")


def test_two_labels_need_no_others():
    (heat,) = flow_plot([Flow("a", "b", 2)]).figure["data"]
    assert sorted(cell for row in heat["z"] for cell in row if cell) == [2]
    assert len(heat["z"]) == 2
