import { hintFor } from "./nearest.ts"

/**
 * Variables that Kubernetes sets in every pod for a Service called `headwater` or `headwater-…`:
 * `HEADWATER_SERVICE_HOST`, `HEADWATER_PORT_8080_TCP_ADDR`. No setting has such a name.
 */
const OF_KUBERNETES =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)$/

/**
 * Returns one line for each variable that looks like a setting and is none, with the nearest known
 * name. Variables of Kubernetes share one line.
 *
 * @param names of all variables that are set.
 * @param known names of all variables that anything here reads.
 */
export function warningsOf(names: readonly string[], known: ReadonlySet<string>): string[] {
  const unknown = names.filter((name) => name.startsWith("HEADWATER_") && !known.has(name)).sort()
  const own = unknown.filter((name) => !OF_KUBERNETES.test(name))
  const lines = own.map((name) => `ignored the unknown variable ${name}${hintFor(name, known)}`)
  const injected = unknown.filter((name) => OF_KUBERNETES.test(name))
  if (injected.length === 0) return lines
  return [
    ...lines,
    `ignored ${injected.join(", ")}, which Kubernetes sets for a Service; ` +
      "enableServiceLinks: false keeps them out of the pod",
  ]
}
