import type { Config } from "./config.ts"
import { ConfigError } from "./config-error.ts"
import type { Runtime } from "./runtime/runtime.ts"
import type { Credentials, EtcdAccess } from "./sources.ts"

/**
 * Reads the files that say who the hub is to etcd, and whom it trusts. What they hold is nowhere
 * repeated.
 *
 * @throws {ConfigError} one line that names the variable whose file cannot be read.
 */
export async function readEtcdAccess(runtime: Runtime, config: Config): Promise<EtcdAccess> {
  const credentials = await readCredentials(runtime, config.etcd)
  const secureFetch = await readTls(runtime, config.etcdTls)
  return { ...(credentials && { credentials }), ...(secureFetch && { secureFetch }) }
}

async function readCredentials(
  runtime: Runtime,
  etcd: Config["etcd"],
): Promise<Credentials | undefined> {
  if (etcd === undefined) return undefined
  const { username, password } = etcd
  if ("text" in password) return { username, password: password.text }
  const text = await readFile(runtime, "HEADWATER_ETCD_PASSWORD_FILE", password.file)
  return { username, password: text.replace(/\r?\n$/, "") }
}

async function readTls(
  runtime: Runtime,
  files: Config["etcdTls"],
): Promise<typeof fetch | undefined> {
  if (files === undefined) return undefined
  const { ca, cert, key } = files
  return runtime.fetchWith({
    ...(ca !== undefined && { ca: await readFile(runtime, "HEADWATER_ETCD_CA_FILE", ca) }),
    ...(cert !== undefined &&
      key !== undefined && {
        cert: await readFile(runtime, "HEADWATER_ETCD_CERT_FILE", cert),
        key: await readFile(runtime, "HEADWATER_ETCD_KEY_FILE", key),
      }),
  })
}

async function readFile(runtime: Runtime, variable: string, file: string): Promise<string> {
  try {
    return await runtime.readText(file)
  } catch {
    throw new ConfigError(`the file named by ${variable} cannot be read`)
  }
}
