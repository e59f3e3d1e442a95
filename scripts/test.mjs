/**
 * `npm test`: build, format and lint, types, unit tests and examples; `npm run test:slow`: the *.slow.test.ts files.
 * Every step runs, whatever failed before it. What failed is named at the end, and the last line counts:
 * `N passed, N failed`, one for each test and each step.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { relative } from "node:path";

const shell = process.platform === "win32"; // npm is a script there
const slow = process.argv.includes("--slow");
const counts = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const failures = [];

if (!slow) for (const step of ["build", "lint", "types"]) runStep(step);
runVitest(slow ? ["--mode", "slow"] : []);

for (const failure of failures) console.log(`FAILED  ${failure}`);
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exitCode = counts.failed > 0 ? 1 : 0;

/** @param {string} script name in package.json */
function runStep(script) {
  const start = performance.now();
  const { status } = spawnSync("npm", ["run", "--silent", script], { stdio: "inherit", shell });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${status === 0 ? "ok" : "not ok"}  ${script} (${seconds} s)`);
  count(status === 0, `npm run ${script}`);
}

/** @param {string[]} options */
function runVitest(options) {
  const report = "out/vitest.json";
  mkdirSync("out", { recursive: true });
  rmSync(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { status } = spawnSync("npx", ["--no-install", "vitest", "run", ...options, ...reporters], {
    stdio: "inherit",
  });
  const failedBefore = counts.failed;
  for (const { file, message, status: fileStatus, tests } of readReport(report)) {
    for (const test of tests) {
      if (test.status === "passed" || test.status === "failed")
        count(test.status === "passed", `${file}: ${test.name}`);
      else counts.skipped++;
    }
    // A file that does not load has no tests to fail.
    if (fileStatus === "failed" && !tests.some((t) => t.status === "failed")) count(false, `${file}: ${message}`);
  }
  // Errors outside of any test: no report at all, or a promise rejected after its test had ended.
  if (status !== 0 && counts.failed === failedBefore) count(false, `vitest, exit code ${status}: see above`);
}

/** @param {string} path of vitest's JSON report */
function readReport(path) {
  let text;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  /** @type {{ testResults: { name: string, status: string, message: string, assertionResults: { fullName: string, status: string }[] }[] }} */
  const { testResults } = JSON.parse(text);
  return testResults.map(({ name, status, message, assertionResults }) => ({
    file: relative(process.cwd(), name),
    status,
    message: message.split("\n", 1)[0],
    tests: assertionResults.map((test) => ({ name: test.fullName, status: test.status })),
  }));
}

/**
 * @param {boolean} passed
 * @param {string} name printed when it failed
 */
function count(passed, name) {
  if (passed) counts.passed++;
  else {
    counts.failed++;
    failures.push(name);
  }
}
