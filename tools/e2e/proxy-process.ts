import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeTlsFiles, type TlsFiles } from "./tls-files.ts"

/** Proxies that `deploy/` has a configuration for. */
export type ProxyName = "nginx" | "caddy" | "haproxy" | "varnish"

const DEPLOY = join(import.meta.dirname, "../../deploy")

/** Programs that Debian keeps outside the path of ordinary users. */
const PATH = `${process.env.PATH}:/usr/sbin`

interface Recipe {
  readonly file: string
  readonly program: string
  readonly isTls: boolean
  /** From the file in `deploy/` to what runs here: other ports, other certificates. */
  adapt(text: string, at: Places): string
  args(config: string, at: Places): readonly string[]
}

interface Places {
  readonly folder: string
  readonly port: number
  readonly hubPort: number
  /** Ports of more hubs of the same source; only HAProxy has a place for them. */
  readonly moreHubs: readonly number[]
  readonly tls: TlsFiles
  /** Certificate and key in one file. */
  readonly bundle: string
}

const RECIPES: Readonly<Record<ProxyName, Recipe>> = {
  nginx: {
    file: "nginx.conf",
    program: "nginx",
    isTls: true,
    adapt: (text, { port, hubPort, tls, folder }) =>
      replaced(text, {
        "127.0.0.1:8080": `127.0.0.1:${hubPort}`,
        "listen 443": `listen 127.0.0.1:${port}`,
        "/etc/ssl/headwater.pem": tls.server.cert,
        "/etc/ssl/headwater.key": tls.server.key,
        "worker_processes auto;": `worker_processes 1;\ndaemon off;\npid ${folder}/nginx.pid;`,
      }),
    args: (config, { folder }) => ["-p", folder, "-c", config],
  },
  caddy: {
    file: "Caddyfile",
    program: "caddy",
    isTls: true,
    adapt: (text, { port, hubPort, tls }) =>
      replaced(text, {
        "127.0.0.1:8080": `127.0.0.1:${hubPort}`,
        "hub.example {": [
          "{\n\tadmin off\n\tauto_https disable_redirects\n}\n",
          `https://:${port} {\n\ttls ${tls.server.cert} ${tls.server.key}`,
        ].join(""),
      }),
    args: (config) => ["run", "--adapter", "caddyfile", "--config", config],
  },
  haproxy: {
    file: "haproxy.cfg",
    program: "haproxy",
    isTls: true,
    adapt: (text, { port, hubPort, moreHubs, bundle, folder }) =>
      replaced(text, {
        "server hub1 127.0.0.1:8080": [hubPort, ...moreHubs]
          .map((hub, index) => `server hub${index + 1} 127.0.0.1:${hub}`)
          .join("\n  "),
        // Tests wait for HAProxy to find out.
        "inter 1s": "inter 200ms",
        "defaults\n": `global\n  stats socket ${folder}/stats\n\ndefaults\n`,
        "bind :443": `bind 127.0.0.1:${port}`,
        "/etc/ssl/headwater.pem": bundle,
      }),
    args: (config) => ["-f", config],
  },
  varnish: {
    file: "varnish.vcl",
    program: "varnishd",
    isTls: false,
    adapt: (text, { hubPort }) => replaced(text, { '"8080"': `"${hubPort}"` }),
    args: (config, { port, folder }) => [
      ...["-F", "-f", config, "-a", `127.0.0.1:${port}`, "-n", join(folder, "varnish")],
      ...["-s", "malloc,16m"],
    ],
  },
}

/** Returns true if the program is here. With `HEADWATER_REQUIRE_NGINX=1` (…) it has to be. */
export function proxyAvailable(name: ProxyName): boolean {
  if (process.env[`HEADWATER_REQUIRE_${name.toUpperCase()}`] === "1") return true
  const { program } = RECIPES[name]
  return spawnSync("sh", ["-c", `command -v ${program}`], { env: { PATH } }).status === 0
}

/** A proxy that runs the configuration in `deploy/`, on a port of its own. */
export class ProxyProcess {
  /** `https://localhost:PORT`, or by `http:`. */
  readonly url: string
  readonly tls: TlsFiles
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  #output = ""

  private constructor(child: ChildProcess, url: string, tls: TlsFiles) {
    this.#child = child
    this.url = url
    this.tls = tls
    this.#exited = new Promise((resolve) => child.once("exit", resolve))
    for (const stream of [child.stdout, child.stderr]) {
      stream!.on("data", (chunk) => {
        this.#output += chunk
      })
    }
  }

  /** Starts one; its files are in a folder that the caller removes. */
  static start(
    name: ProxyName,
    folder: string,
    port: number,
    hubPort: number,
    moreHubs: readonly number[] = [],
  ): ProxyProcess {
    const { file, program, isTls, adapt, args } = RECIPES[name]
    const tls = makeTlsFiles(folder)
    const bundle = join(folder, "bundle.pem")
    const parts = [tls.server.cert, tls.server.key].map((path) => readFileSync(path, "utf8"))
    writeFileSync(bundle, parts.join("\n"))
    const at: Places = { folder, port, hubPort, moreHubs, tls, bundle }
    const config = join(folder, file)
    writeFileSync(config, adapt(readFileSync(join(DEPLOY, file), "utf8"), at))
    const env = { ...process.env, PATH, HOME: folder }
    const child = spawn(program, args(config, at), { stdio: ["ignore", "pipe", "pipe"], env })
    return new ProxyProcess(child, `${isTls ? "https" : "http"}://localhost:${port}`, tls)
  }

  /** Its output so far. */
  get output(): string {
    return this.#output
  }

  /** True once it has ended. */
  get hasEnded(): boolean {
    return this.#child.exitCode !== null
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM")
    await this.#exited
  }
}

/** Replaces each text, which has to be there: a configuration that changed must not go untested. */
function replaced(text: string, values: Readonly<Record<string, string>>): string {
  let made = text
  for (const [from, to] of Object.entries(values)) {
    if (!made.includes(from)) throw new Error(`the configuration does not have ${from}`)
    made = made.replaceAll(from, to)
  }
  return made
}
