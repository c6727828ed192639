import { spawn } from "node:child_process"
import { constants } from "node:os"
import { root, toolEnvironment } from "./workspace.mjs"

/** The signals by which people and supervisors end a program. */
export const ENDING_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"]

/** Process groups that are running, so that none outlives us. */
const groups = new Set()

/**
 * Runs a program to its end and keeps what it says.
 *
 * Resolves with `{ code, output, timedOut }`, never rejects: a program that cannot be started ends
 * with code 127. `onLine` hears every line as it comes. After `timeoutMs` the program and
 * everything that it started are killed.
 */
export function run(command, args, { cwd = root, env, timeoutMs = 600_000, onLine } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: toolEnvironment(env),
      detached: process.platform !== "win32",
      stdio: ["ignore", "pipe", "pipe"],
    })
    groups.add(child)
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      killGroup(child)
    }, timeoutMs)

    const chunks = []
    const listen = lineSplitter((line) => onLine?.(line))
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8")
      stream.on("data", (text) => {
        chunks.push(text)
        listen(text)
      })
    }
    const end = (code) => {
      clearTimeout(timer)
      groups.delete(child)
      listen("\n")
      resolve({ code, output: chunks.join(""), timedOut })
    }
    child.on("error", (error) => {
      chunks.push(`${command}: ${error.message}\n`)
      end(127)
    })
    child.on("close", (code, signal) => {
      killGroup(child) // what it left behind
      end(code ?? exitCodeOf(signal))
    })
  })
}

/**
 * From now on, a signal that ends us ends what we run first. Returns what takes that back, for a
 * tool that hands signals over to a child.
 */
export function endTogether() {
  const end = (signal) => {
    for (const child of groups) killGroup(child)
    process.exit(exitCodeOf(signal))
  }
  for (const signal of ENDING_SIGNALS) process.on(signal, end)
  return () => {
    for (const signal of ENDING_SIGNALS) process.off(signal, end)
  }
}

/** The exit code by which shells tell of a program that a signal ended. */
export function exitCodeOf(signal) {
  return 128 + constants.signals[signal]
}

function killGroup(child) {
  if (child.pid === undefined) return
  try {
    process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL")
  } catch (error) {
    if (error.code !== "ESRCH") throw error // it has ended: that is what we want
  }
}

function lineSplitter(onLine) {
  let rest = ""
  return (text) => {
    const lines = (rest + text).split("\n")
    rest = lines.pop()
    for (const line of lines) if (line.trim() !== "") onLine(line.trimEnd())
  }
}
