/**
 * The meaning of a failure at an endpoint.
 *
 *   answered   the endpoint works, and would say the same again
 *   away       the next call goes to the next endpoint; this one has failed
 *   retry      the next endpoint is tried at once
 */
export type EndpointFailure = "answered" | "away" | "retry"

/** The members of one cluster. One is used until it fails, by all calls, and then the next. */
export class Endpoints {
  readonly #urls: readonly string[]
  #at = 0

  /** @param urls one or more. */
  constructor(urls: readonly string[]) {
    this.#urls = urls
  }

  /**
   * Tries a call at each endpoint in turn, once, beginning with the one that is in use.
   *
   * @throws what the last attempt threw.
   */
  async tryEach<T>(
    attempt: (url: string) => Promise<T>,
    judge: (error: unknown) => EndpointFailure,
  ): Promise<T> {
    for (let tried = 1; ; tried++) {
      const at = this.#at
      try {
        return await attempt(this.#urls[at] as string)
      } catch (error) {
        const failure = judge(error)
        if (failure === "answered") throw error
        // The first call that fails at an endpoint moves on from it; the others follow.
        if (this.#at === at) this.#at = (at + 1) % this.#urls.length
        if (failure === "away" || tried >= this.#urls.length) throw error
      }
    }
  }
}
