import type { FetchHandler } from "../../runtime/runtime.ts"
import type { Config } from "../config.ts"
import type { NewSettings, ReloadPart, ReloadStep } from "./reload-part.ts"

/** The app that a hub serves, and another one once origins or names change. */
export class ServedApp implements ReloadPart {
  readonly #make: (config: Config) => { readonly fetch: FetchHandler }
  #config: Config
  #app: { readonly fetch: FetchHandler }

  /** @param make returns the app of a configuration. */
  constructor(config: Config, make: (config: Config) => { readonly fetch: FetchHandler }) {
    this.#config = config
    this.#make = make
    this.#app = make(config)
  }

  /** Answers a request by the present app. Open streams stay with the one that began them. */
  readonly fetch: FetchHandler = (request, peer) => this.#app.fetch(request, peer)

  async prepare({ config: { cors, hosts } }: NewSettings): Promise<ReloadStep | undefined> {
    const textOf = ({ cors, hosts }: Pick<Config, "cors" | "hosts">) =>
      JSON.stringify([cors, hosts])
    if (textOf(this.#config) === textOf({ cors, hosts })) return undefined
    const config = { ...this.#config, cors, hosts }
    const app = this.#make(config)
    const apply = () => {
      this.#config = config
      this.#app = app
    }
    return { change: "cors and allow-host", apply }
  }
}
