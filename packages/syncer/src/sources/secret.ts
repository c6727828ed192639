/**
 * A password or a token: a text, or a function that reads it anew for each use, for one that is
 * renewed while the process runs. The function rejects while there is none.
 */
export type Secret = string | (() => string | Promise<string>)

/** Reads a secret. */
export async function readSecret(secret: Secret): Promise<string> {
  return typeof secret === "string" ? secret : await secret()
}
