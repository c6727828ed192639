import {
  AccessError,
  OptionError,
  type SourceContext,
  type SourceSecret,
  systemClock,
} from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"
import type { Runtime, TlsMaterial } from "../runtime/runtime.ts"

/**
 * Returns what a source may ask for while it is opened: variables, secrets and certificates of this
 * machine. A secret in a file is read anew at each use, so that a renewed one needs no restart.
 */
export function sourceContext(
  runtime: Runtime,
  values: ValueKind,
  warn: (line: string) => void,
): SourceContext<typeof fetch> {
  const secretFile = (path: string, named: string) => readSecretFile(runtime, named, path)
  return {
    clock: systemClock,
    values,
    warn,
    variable: (name) => runtime.env(name),
    secretFile,
    async secret(name) {
      const text = runtime.env(name)
      const file = runtime.env(`${name}_FILE`)
      if (text !== undefined && file !== undefined) {
        throw new OptionError(name, `give ${name} or ${name}_FILE, not both`)
      }
      return file === undefined ? text : secretFile(file, `${name}_FILE`)
    },
    fetchWith: (prefix) => readTls(runtime, prefix, tlsFiles(runtime, prefix)),
  }
}

// Read once at the start, so that a wrong path is said there. Later a file may be away for a moment
// while it is replaced; then there is no secret.
async function readSecretFile(
  runtime: Runtime,
  named: string,
  path: string,
): Promise<SourceSecret> {
  await readNamed(runtime, named, path)
  return () =>
    readNamed(runtime, named, path).catch((cause) => {
      throw new AccessError((cause as Error).message, "ERR_UNAUTHENTICATED", { cause })
    })
}

// The content of the file is repeated nowhere.
async function readNamed(runtime: Runtime, named: string, file: string): Promise<string> {
  try {
    return await runtime.readText(file)
  } catch {
    throw new OptionError(named, `the file named by ${named} cannot be read`)
  }
}

/** Paths of PEM files. */
export interface TlsFiles {
  /** Trusted in place of the system's authorities. */
  readonly ca?: string
  /** Both or neither: the certificate of this hub, and its key. */
  readonly cert?: string
  readonly key?: string
}

function tlsFiles(runtime: Runtime, prefix: string): TlsFiles | undefined {
  const ca = runtime.env(`${prefix}_CA_FILE`)
  const cert = runtime.env(`${prefix}_CERT_FILE`)
  const key = runtime.env(`${prefix}_KEY_FILE`)
  if ((cert === undefined) !== (key === undefined)) {
    throw new OptionError(prefix, `${prefix}_CERT_FILE and ${prefix}_KEY_FILE go together`)
  }
  if (ca === undefined && cert === undefined) return undefined
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert, key: key! }) }
}

/** Files are read again when they are used, but at most once in this time, in ms. */
const LOOK_MS = 1_000

/**
 * Returns a `fetch` that uses an authority and a certificate in files, also after they were
 * renewed; `undefined` where none is named. While a file cannot be read, the last content is used.
 *
 * @param prefix of the variables that name them: `HEADWATER_ETCD` of `HEADWATER_ETCD_CA_FILE`.
 * @throws {OptionError} a file cannot be read.
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
