import type { Listener } from "../runtime/runtime.ts"
import type { Address } from "./settings/rows/serving.ts"

/**
 * Listens on the address of a setting.
 *
 * @throws {Error} it cannot; the message says why in one line, and names the setting.
 */
export async function listenOn(
  setting: string,
  address: Address,
  listen: (address: Address) => Promise<Listener>,
): Promise<Listener> {
  try {
    return await listen(address)
  } catch (error) {
    throw new Error(failureOf(setting, address, error as Error), { cause: error })
  }
}

function failureOf(setting: string, { hostname, port }: Address, error: Error): string {
  if ((error as { code?: string }).code !== "EADDRINUSE") {
    return `cannot listen on ${hostname}:${port}: ${error.message}`
  }
  return (
    `cannot listen on ${hostname}:${port}: another process listens there; ` +
    `choose another port with --${setting} ${hostname}:PORT`
  )
}
