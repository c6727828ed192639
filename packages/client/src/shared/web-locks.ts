/** The part of the Web Locks API that tabs use. */
export interface WebLocks {
  request(
    name: string,
    options: {
      readonly mode?: "exclusive" | "shared"
      readonly steal?: boolean
      readonly signal?: AbortSignal
    },
    task: () => Promise<unknown>,
  ): Promise<unknown>
}

/** The locks of this origin; `undefined` where there are none, as on plain HTTP. */
export function webLocks(): WebLocks | undefined {
  return (globalThis.navigator as { readonly locks?: WebLocks } | undefined)?.locks
}
