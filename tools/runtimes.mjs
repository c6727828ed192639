import { existsSync } from "node:fs"
import { join } from "node:path"
import { run } from "./run.mjs"
import { readJson, root } from "./workspace.mjs"

const FOLDER = "tools/runtimes"
const MODULES = join(root, FOLDER, "node_modules")

/**
 * The runtimes Headwater runs on, beside the Node that runs this tool.
 *
 * `binary` is where the pinned one is installed; `args` come before the script (Deno: everything
 * allowed, nothing downloaded); `vitest` likewise, for the test runner, which forks the binary that
 * runs it; `version` picks the number out of `--version`.
 */
export const runtimes = {
  node22: { package: "node22", binary: "node22/bin/node", ...likeNode(), pathName: undefined },
  node24: { package: "node24", binary: "node24/bin/node", ...likeNode(), pathName: undefined },
  bun: {
    package: "@oven/bun-linux-x64",
    binary: "@oven/bun-linux-x64/bin/bun",
    args: [],
    testArgs: ["--bun"],
    pathName: "bun",
    major: 1,
  },
  deno: {
    package: "@deno/linux-x64-glibc",
    binary: "@deno/linux-x64-glibc/deno",
    args: ["run", "-A", "--node-modules-dir=manual", "--cached-only", "--no-remote"],
    testArgs: ["run", "-A", "--node-modules-dir=manual", "--cached-only", "--no-remote"],
    pathName: "deno",
    major: 2,
  },
}

/** Names that `--on` takes. */
export const runtimeNames = Object.keys(runtimes)

/**
 * Finds the binary of a runtime, installing the pinned ones when missing (about 10 s, 600 MB).
 *
 * Resolves with `{ binary, args, testArgs }`, or with `{ missing: reason }` when this machine has
 * no pinned binary and none of the right major version on its path.
 */
export async function findRuntime(name, onInstall = () => {}) {
  const { args, testArgs, binary, pathName, major } = runtimes[name]
  const pinned = join(MODULES, binary)
  if (!isCurrent(runtimes[name]) && (await isSupportedHere(runtimes[name]))) {
    onInstall()
    const { code, output } = await installAll()
    if (code !== 0) return { missing: `npm ci --prefix ${FOLDER} failed:\n${output.trimEnd()}` }
  }
  if (isCurrent(runtimes[name])) return { binary: pinned, args, testArgs }

  if (pathName && (await majorOf(pathName)) === major) return { binary: pathName, args, testArgs }
  const hint = pathName ? `, and no ${pathName} ${major} on the path` : ""
  return { missing: `no pinned binary for ${process.platform}-${process.arch}${hint}` }
}

/**
 * Cloudflare's workerd, which runs no suite: it only has to load the core. Resolves as
 * `findRuntime`.
 */
export async function findWorkerd() {
  const workerd = {
    package: "@cloudflare/workerd-linux-64",
    binary: "@cloudflare/workerd-linux-64/bin/workerd",
  }
  if (!isCurrent(workerd) && isSupportedHere(workerd)) await installAll()
  if (isCurrent(workerd)) return { binary: join(MODULES, workerd.binary), args: [] }
  return { missing: `no pinned workerd for ${process.platform}-${process.arch}` }
}

/** Installs all of them by their own lock, which no workspace shares. */
export function installAll() {
  return run("npm", ["ci", "--prefix", FOLDER, "--ignore-scripts", "--no-audit", "--no-fund"])
}

function likeNode() {
  return { args: [], testArgs: [] }
}

/** Returns true if the installed version is the one that the lock names. */
function isCurrent({ package: packageName, binary }) {
  const path = `node_modules/${packageName}`
  const locked = readJson(`${FOLDER}/package-lock.json`).packages[path]
  const held = readJson(`${FOLDER}/${path}/package.json`)
  return held?.version === locked.version && existsSync(join(MODULES, binary))
}

function isSupportedHere({ package: packageName }) {
  const path = `node_modules/${packageName}`
  const { os, cpu } = readJson(`${FOLDER}/package-lock.json`).packages[path]
  return [os].flat().includes(process.platform) && [cpu].flat().includes(process.arch)
}

async function majorOf(command) {
  const { code, output } = await run(command, ["--version"], { timeoutMs: 10_000 })
  return code === 0 ? Number(/(\d+)\.\d+\.\d+/.exec(output)?.[1]) : undefined
}
