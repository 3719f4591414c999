"use strict";
(() => {
  Plotly.register({
    moduleType: "locale",
    name: "ru",
    dictionary: {
      "Autoscale": "Автоматический масштаб",
      "Double-click to zoom back out": "Двойной щелчок возвращает масштаб",
      "Download plot as a png": "Сохранить рисунок в PNG",
      "Download plot as a PNG": "Сохранить рисунок в PNG",
      "Pan": "Сдвиг",
      "Reset": "Сначала",
      "Reset axes": "Вернуть оси",
      "Taking snapshot - this may take a few seconds": "Рисунок сохраняется: это займёт несколько секунд",
      "Zoom": "Масштаб",
      "Zoom in": "Ближе",
      "Zoom out": "Дальше",
    },
    format: { decimal: ",", thousands: "\u00a0", grouping: [3] },
  });
  Plotly.setPlotConfig({ locale: "ru" });
})();
