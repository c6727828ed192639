import { spawn } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run } from "./run.mjs"

const MAIN = "node_modules/@headwater/server/dist/main.js"

/**
 * Every word of the command, in an order in which each has something to do: arguments, the exit
 * code, and a text of the output. `$` names a file in a folder of the run's own.
 */
const STEPS = [
  ["--version", 0, /^\d+\.\d+\.\d+/],
  ["--help", 0, /follow/],
  ["config --listen 127.0.0.1:0", 0, /listen/],
  ['put t a {"n":1}', 0, /\.\d+$/],
  ["create t b 2", 0],
  ["create t b 3", 1, /ERR_CONFLICT/],
  ["update t b 3", 0],
  ["get t b", 0, /^3$/],
  ["ls -l t", 0, /\{"n":1\}/],
  ["topics", 0, /in-sync/],
  ["follow t --until-sync --json", 0, /"op":"put","key":"a"/],
  ["follow t --key a --until-sync --exec cat", 0, /"changes":\[\{"op":"put"/],
  ["export t $/t.ndjson.gz", 0, /exported 2 entries/],
  ["import u $/t.ndjson.gz --dry-run", 1, /\+ a/],
  ["import u $/t.ndjson.gz", 0, /2 changed/],
  ["verify t u", 0, /equal: 2 keys/],
  ["del u a", 0],
  ["verify $/t.ndjson.gz u", 1, /only in A {2}a/],
  ["mirror t u --once", 0, /wrote 1 changes/],
  ["backup $/t.db $/copy.db", 0, /copied 2 entries/],
  ["del t b", 0],
  ["restore t $/copy.db", 0, /1 changed/],
  ["bench t --readers 3 --rate 10 --duration 300ms", 0, /3 of 3 in sync/],
  ["doctor", 0, /the hub's digest/],
  ["context add here --url http://127.0.0.1:1", 0],
  ["context ls", 0, /\* {2}here/],
  ["completion bash", 0, /complete -F/],
  ["gte t b", 2, /did you mean get/],
]

/** The ways by which a package's command is run without naming its file. */
const LAUNCHERS = {
  node: ["npx", ["--offline", "--no", "--", "@headwater/server"]],
  bun: [undefined, ["x", "--bun", "--no-install", "@headwater/server"]],
  deno: [
    undefined,
    ["run", "-A", "--node-modules-dir=manual", "--cached-only", "npm:@headwater/server"],
  ],
}

/**
 * Runs every word of the packed command on one runtime, against a hub of the same package. Resolves
 * with what went wrong, or with undefined.
 *
 * @param importer the folder in which `unpack` laid the tarballs out.
 */
export async function tryPackedCommand(importer, name, { binary, args }) {
  installCommand(importer)
  const folder = mkdtempSync(join(tmpdir(), "headwater-packed-"))
  const url = `http://127.0.0.1:${await freePort()}`
  const env = { HEADWATER_URL: url, XDG_CONFIG_HOME: folder }
  const command = [...args, MAIN]
  const topics = ["--topic", `t=sqlite:${folder}/t.db`, "--topic", "u=memory:"]
  const listen = ["--listen", url.replace("http://", "")]
  const hub = spawn(binary, [...command, "serve", ...listen, ...topics], {
    cwd: importer,
    stdio: "ignore",
  })
  try {
    if (!(await isReady(url, hub))) return `no hub at ${url}: exit code ${hub.exitCode}`
    for (const [line, code, text] of STEPS) {
      const words = line.replaceAll("$", folder).split(" ")
      const ended = await run(binary, [...command, ...words], { cwd: importer, env })
      if (ended.code !== code || (text && !text.test(ended.output.trim()))) {
        return `headwater ${line}: exit code ${ended.code}\n${ended.output}`
      }
    }
    const [launcher, before] = LAUNCHERS[name] ?? []
    if (before === undefined) return undefined
    const launched = [...before, "get", "t", "b"]
    const ended = await run(launcher ?? binary, launched, { cwd: importer, env })
    if (ended.output.trim().endsWith("3")) return undefined
    return `${launcher ?? name} ${launched.join(" ")}: exit code ${ended.code}\n${ended.output}`
  } finally {
    hub.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

// As `npm install` does: the package is named, and its command stands in `.bin`.
function installCommand(importer) {
  const bin = join(importer, "node_modules/.bin")
  mkdirSync(bin, { recursive: true })
  chmodSync(join(importer, MAIN), 0o755)
  rmSync(join(bin, "headwater"), { force: true })
  symlinkSync("../@headwater/server/dist/main.js", join(bin, "headwater"))
  const manifest = { type: "module", private: true, dependencies: { "@headwater/server": "*" } }
  writeFileSync(join(importer, "package.json"), `${JSON.stringify(manifest)}\n`)
}

/** Resolves with true once the hub is ready, with false when it ended or takes over a minute. */
async function isReady(url, hub) {
  const until = performance.now() + 60_000
  while (hub.exitCode === null && performance.now() < until) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    if (answer?.ok) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
