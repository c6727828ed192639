import { systemClock } from "@headwater/core"
import type { Runtime, TlsMaterial } from "../runtime/runtime.ts"
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

/** Files are looked at again when they are used, but not sooner than this after the last look. */
const LOOK_MS = 1_000

/**
 * A `fetch` that trusts the CA and shows the certificate in files, also after they were renewed;
 * nothing where none is named. While a file cannot be read, what was read before is used.
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
  let read = await readMaterial(runtime, prefix, files)
  let current = runtime.fetchWith(read)
  let lookedAt = systemClock.elapsed()
  return async (input, init) => {
    if (systemClock.elapsed() - lookedAt >= LOOK_MS) {
      lookedAt = systemClock.elapsed()
      const found = await readMaterial(runtime, prefix, files).catch(() => read)
      if (JSON.stringify(found) !== JSON.stringify(read)) {
        read = found
        current = runtime.fetchWith(found)
      }
    }
    return current(input, init)
  }
}

async function readMaterial(
  runtime: Runtime,
  prefix: string,
  { ca, cert, key }: TlsFiles,
): Promise<TlsMaterial> {
  const read = (name: string, file: string) => readNamed(runtime, `${prefix}_${name}_FILE`, file)
  return {
    ...(ca !== undefined && { ca: await read("CA", ca) }),
    ...(cert !== undefined &&
      key !== undefined && { cert: await read("CERT", cert), key: await read("KEY", key) }),
  }
}
