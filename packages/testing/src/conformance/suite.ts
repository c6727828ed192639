/**
 * What a conformance suite needs of a test runner. vitest's own functions fit, and so do those of
 * anything in jest's tradition: pass them in, so that this package depends on no runner.
 */
export interface Suite {
  readonly describe: (name: string, body: () => void) => void
  readonly test: (name: string, body: () => Promise<void>, timeoutMs?: number) => void
  readonly expect: (actual: unknown, message?: string) => { toEqual(expected: unknown): void }
}
