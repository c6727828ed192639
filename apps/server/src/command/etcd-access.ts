import type { Runtime } from "../runtime/runtime.ts"
import type { Config } from "./config.ts"
import { readNamed, readTls } from "./named-file.ts"
import type { Credentials, EtcdAccess } from "./sources.ts"

/**
 * Reads the files that say who the hub is to etcd, and whom it trusts. What they hold is nowhere
 * repeated. The password's is read again whenever a token is asked for, so that one that is renewed
 * there needs no other start.
 *
 * @throws {ConfigError} one line that names the variable whose file cannot be read.
 */
export async function readEtcdAccess(runtime: Runtime, config: Config): Promise<EtcdAccess> {
  const credentials = await readCredentials(runtime, config.etcd)
  const secureFetch = await readTls(runtime, "HEADWATER_ETCD", config.etcdTls)
  return { ...(credentials && { credentials }), ...(secureFetch && { secureFetch }) }
}

async function readCredentials(
  runtime: Runtime,
  etcd: Config["etcd"],
): Promise<Credentials | undefined> {
  if (etcd === undefined) return undefined
  const { username, password } = etcd
  if ("text" in password) return { username, password: password.text }
  const { file } = password
  const read = async () => {
    const text = await readNamed(runtime, "HEADWATER_ETCD_PASSWORD_FILE", file)
    return text.replace(/\r?\n$/, "")
  }
  await read()
  return { username, password: read }
}
