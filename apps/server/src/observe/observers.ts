import { GuardedObserver } from "@headwater/core"
import { type HubObserver, OBSERVER_METHODS } from "./hub-observer.ts"

type Tell = (event: never) => void

/**
 * Joins the hub's own observer and those of its owner into one, which has the methods that any of
 * them has. An error of an owner's observer goes to that one's `onError`.
 */
export function joinObservers(own: HubObserver, others: readonly HubObserver[]): HubObserver {
  if (others.length === 0) return own
  const guarded = others.map((observer) => new GuardedObserver(observer, OBSERVER_METHODS).tells)
  const joined: Partial<Record<keyof HubObserver, Tell>> = {}
  for (const name of OBSERVER_METHODS) {
    const tells = [own, ...guarded].flatMap((observer) => {
      const tell = observer[name] as Tell | undefined
      return tell === undefined ? [] : [tell.bind(observer) as Tell]
    })
    if (tells.length === 0) continue
    joined[name] = (event) => {
      for (const tell of tells) tell(event)
    }
  }
  return joined as HubObserver
}
