// Builds labelmend/review/static from src: one script, one style sheet, the same bytes each time.
// `node build.mjs FOLDER` writes elsewhere, which is how a test compares.
import { build } from "esbuild";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ? resolve(process.argv[2]) : join(here, "../labelmend/review/static");

await build({
  absWorkingDir: here,
  entryPoints: { review: "src/main.ts" },
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});
await build({
  absWorkingDir: here,
  entryPoints: { review: "src/review.css" },
  outdir: out,
  charset: "utf8",
  logLevel: "warning",
});
