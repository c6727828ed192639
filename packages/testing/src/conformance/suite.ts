/**
 * The part of a test runner that a conformance suite uses. vitest's own functions fit, and so do
 * those of
 * anything in jest's tradition: pass them in, so that this package depends on no runner.
 */
export interface Suite {
  readonly describe: (name: string, body: () => void) => void
  readonly test: DeclareTest & { readonly skip: DeclareTest }
  readonly expect: (actual: unknown, message?: string) => { toEqual(expected: unknown): void }
}

/** Declares a test; `skip` declares one that a report counts as skipped. */
export type DeclareTest = (name: string, body: () => Promise<void>, timeoutMs?: number) => void
