// Takes the pictures of a report, in headless Chromium, at the widths of a desk and of a phone.
//
// Needs `npm install playwright-core`, Chromium and pngquant.
//
// node docs/report_pictures.js report/report.html docs/report-demo

"use strict";
const { execFileSync } = require("node:child_process");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

const SCREENS = {
  desktop: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

const main = async ([report, prefix]) => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  for (const [name, screen] of Object.entries(SCREENS)) {
    const page = await (await browser.newContext(screen)).newPage();
    // A report asks no network and raises no error; a picture of one that does is worth nothing.
    page.on("request", (request) => {
      if (/^(https?|wss?):/.test(request.url())) throw new Error(`it loads ${request.url()}`);
    });
    page.on("pageerror", (error) => { throw error; });
    page.on("console", (message) => {
      if (message.type() === "error") throw new Error(message.text());
    });
    await page.goto(pathToFileURL(report).href);
    await page.waitForSelector(".figure .main-svg");
    const tooWide = await page.evaluate(() => {
      const width = document.documentElement.clientWidth;
      return document.documentElement.scrollWidth > width;
    });
    if (tooWide) throw new Error(`${name}: the page is wider than the screen`);
    // Twenty rows look like three; the first one shows its evidence.
    await page.addStyleTag({ content: "article.row:nth-of-type(n + 4) { display: none; }" });
    await page.evaluate(() => {
      const evidence = document.querySelector("details.evidence");
      if (evidence) evidence.open = true;
    });
    const path = `${prefix}-${name}.png`;
    await page.screenshot({ path, fullPage: true });
    execFileSync("pngquant", ["--force", "--nofs", "--speed", "1", "--output", path, "20", path]);
  }
  await browser.close();
};

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
