import type { Runtime } from "../runtime/runtime.ts"
import type { TlsFiles } from "./config.ts"
import { ConfigError } from "./config-error.ts"

/**
 * Reads a file that the operator named. What it holds is nowhere repeated.
 *
 * @param named by what: a variable, or an option of a topic.
 * @throws {ConfigError} one line that says that, when it cannot be read.
 */
export async function readNamed(runtime: Runtime, named: string, file: string): Promise<string> {
  try {
    return await runtime.readText(file)
  } catch {
    throw new ConfigError(`the file named by ${named} cannot be read`)
  }
}

/**
 * A `fetch` that trusts the CA and shows the certificate in files; nothing where none is named.
 *
 * @param prefix of the variables that name them: `HEADWATER_ETCD` of `HEADWATER_ETCD_CA_FILE`.
 * @throws {ConfigError} one of them cannot be read.
 */
export async function readTls(
  runtime: Runtime,
  prefix: string,
  files: TlsFiles | undefined,
): Promise<typeof fetch | undefined> {
  if (files === undefined) return undefined
  const { ca, cert, key } = files
  const read = (name: string, file: string) => readNamed(runtime, `${prefix}_${name}_FILE`, file)
  return runtime.fetchWith({
    ...(ca !== undefined && { ca: await read("CA", ca) }),
    ...(cert !== undefined &&
      key !== undefined && { cert: await read("CERT", cert), key: await read("KEY", key) }),
  })
}
