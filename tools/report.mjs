import { writeSync } from "node:fs"

/**
 * The output of a run of the checks: a line when a stage starts, one when it ends, and at the end
 * what passed, what failed and what could not be run.
 */
export class Report {
  #passed = 0
  #failed = 0
  #skipped = 0
  #failures = []
  #notRun = []
  #timings = []
  #started = performance.now()

  /**
   * Runs one stage. `work` gets a function that prints a line of progress, and resolves with
   * undefined when all is well, or with `{ failure?, passed?, failed?, skipped?, notRun? }`: what
   * to print, numbers of tests, and the reason why there was nothing that could be run.
   *
   * Resolves with whether the stage passed.
   */
  async stage(name, work) {
    const started = performance.now()
    print(`▸ ${name}`)
    const result = (await work((line) => print(`    ${line}`))) ?? {}
    const { failure, passed = 0, failed = 0, skipped = 0, notRun } = result
    if (notRun) {
      this.cannotRun(name, notRun)
      return true
    }
    this.#passed += passed
    this.#failed += failed
    this.#skipped += skipped
    // A stage counts as one check; where tests of its own failed, they have been counted.
    if (!failure) this.#passed += 1
    else if (failed === 0) this.#failed += 1

    if (failure) {
      this.#failures.push(name)
      print(failure.trimEnd())
    }
    const time = seconds(started)
    this.#timings.push({ name, time, passed, failed, skipped, failure })
    const counts = passed + failed > 0 ? ` · ${passed} passed, ${failed} failed` : ""
    print(`${failure ? "✘" : "✔"} ${name} · ${time}${counts}`)
    return !failure
  }

  /** Notes what this machine could not run, and what would make it able to. */
  cannotRun(name, reason) {
    this.#notRun.push({ name, reason })
    print(`○ ${name}: could not be run: ${reason}`)
  }

  /**
   * Prints the summary, whose last line is `N passed, N failed`, and returns the exit code.
   * With `strict`, what could not be run is a failure.
   */
  finish({ strict }) {
    if (strict) this.#failed += this.#notRun.length
    print("")
    for (const { name, time, passed, failed, skipped, failure } of this.#timings) {
      const counts = passed + failed + skipped > 0 ? `${passed}/${passed + failed + skipped}` : ""
      print(`${failure ? "✘" : "✔"} ${name.padEnd(36)} ${time.padStart(8)} ${counts.padStart(11)}`)
    }
    if (this.#skipped > 0) print(`skipped inside the suites, with their reasons: ${this.#skipped}`)
    if (this.#notRun.length > 0) print("could not be run:")
    for (const { name, reason } of this.#notRun) print(`  ○ ${name}: ${reason}`)
    if (this.#failures.length > 0) print(`failed: ${this.#failures.join(", ")}`)
    print(`in all ${seconds(this.#started)}`)
    print(`${this.#passed} passed, ${this.#failed} failed`)
    return this.#failed > 0 ? 1 : 0
  }
}

// Synchronous, so that nothing is lost when the process ends right after the last line.
function print(line) {
  let rest = Buffer.from(`${line}\n`)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if (error.code !== "EAGAIN") throw error // a full pipe: its reader will come back
    }
  }
}

function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}
