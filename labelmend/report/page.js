"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const mouse = window.matchMedia("(hover: hover)").matches;
  // What is light on the page is dark in the plots' own colours, and the other way round.
  const inTheDark = {
    "#1B1B1B": "#E8E8E6", "#D4D4D4": "#45494F", "#FFFFFF": "#15171A",
    "#EAF3F9": "#1D3445", "#6FB1DB": "#0F5F93", "#0072B2": "#56B4E9", "#767676": "#A3A3A0",
  };
  const printWidth = 680;
  const config = {
    responsive: true,
    displaylogo: false,
    displayModeBar: mouse ? "hover" : false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };

  const themed = (figure, isDark) => {
    let text = JSON.stringify(figure);
    if (isDark) {
      text = text.replace(/#[0-9A-F]{6}/g, (colour) => inTheDark[colour] || colour);
    }
    return JSON.parse(text);
  };

  const draw = (isDark, width) => {
    for (const [key, figure] of Object.entries(figures)) {
      const { data, layout } = themed(figure, isDark);
      if (mouse) layout.dragmode = "zoom";
      if (width) layout.width = width;
      Plotly.react(`plot-${key}`, data, layout, config);
    }
  };

  draw(dark.matches);
  dark.addEventListener("change", () => draw(dark.matches));
  // Paper is light, has no pointer to open the tables of numbers with, and its own width.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.numbers:not([open])")];
    for (const part of opened) part.open = true;
    draw(false, printWidth);
  });
  window.addEventListener("afterprint", () => {
    for (const part of opened) part.open = false;
    draw(dark.matches);
  });
})();
