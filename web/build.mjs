// Builds labelmend/review/static and labelmend/serve/static from src: of each page one script and one
// style sheet, the same bytes each time. `node build.mjs FOLDER` writes all of them elsewhere, which
// is how a test compares.
import { build } from "esbuild";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

const pages = {
  review: { script: "src/main.ts", style: "src/review.css" },
  serve: { script: "src/serve/main.ts", style: "src/serve/serve.css" },
};

for (const [name, { script, style }] of Object.entries(pages)) {
  const outdir = process.argv[2] ? resolve(process.argv[2]) : join(here, `../labelmend/${name}/static`);
  const common = { absWorkingDir: here, outdir, bundle: true, charset: "utf8", logLevel: "warning" };
  await build({
    ...common,
    entryPoints: { [name]: script },
    format: "esm",
    target: "es2022",
    legalComments: "none",
  });
  await build({ ...common, entryPoints: { [name]: style } });
}
