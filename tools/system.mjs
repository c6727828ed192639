import { existsSync } from "node:fs"
import { run } from "./run.mjs"

/**
 * Programs that tests use and npm does not carry.
 *
 * `paths` are the names to look for; `packages` are Debian's, for `apt-get`.
 */
const programs = {
  etcd: { paths: ["etcd"], packages: ["etcd-server", "etcd-client"] },
  chromium: {
    paths: ["chromium", "chromium-browser", "google-chrome"],
    packages: ["chromium"],
  },
  nginx: { paths: ["nginx", "/usr/sbin/nginx"], packages: ["nginx-light"] },
  caddy: { paths: ["caddy"], packages: ["caddy"] },
  haproxy: { paths: ["haproxy", "/usr/sbin/haproxy"], packages: ["haproxy"] },
  varnish: { paths: ["varnishd", "/usr/sbin/varnishd"], packages: ["varnish"] },
  prometheus: { paths: ["prometheus"], packages: ["prometheus"] },
  go: { paths: ["go", "/usr/local/go/bin/go"], packages: ["golang-go"] },
}

/**
 * Finds a program, installing it where we are root on Debian.
 *
 * Resolves with `{ path }`, or with `{ missing }`, which says what to install.
 */
export async function findProgram(name, onInstall = () => {}) {
  const { paths, packages } = programs[name]
  const held = await firstOnPath(paths)
  if (held) return { path: held }

  const hint = `install it: apt-get install ${packages.join(" ")}`
  if (!canInstall()) return { missing: `${name} is not on the path; ${hint}` }
  onInstall()
  const { code, output } = await aptInstall(packages)
  const installed = await firstOnPath(paths)
  if (installed) return { path: installed }
  const lastLine = output.trimEnd().split("\n").at(-1)
  return { missing: `apt-get ended with code ${code} (${lastLine}); ${hint}` }
}

function canInstall() {
  return process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")
}

async function aptInstall(packages) {
  const env = {
    DEBIAN_FRONTEND: "noninteractive",
    RUNLEVEL: "1", // a package that brings a service must not start it
  }
  const options = { env, timeoutMs: 300_000 }
  const install = ["install", "-y", "--no-install-recommends", ...packages]
  const first = await run("apt-get", install, options)
  if (first.code === 0) return first
  await run("apt-get", ["update"], options)
  return await run("apt-get", install, options)
}

async function firstOnPath(names) {
  for (const name of names) {
    const { code, output } = await run("sh", ["-c", `command -v ${name}`], { timeoutMs: 5_000 })
    if (code === 0) return output.trim()
  }
  return undefined
}
