/**
 * What the command says.
 *
 * @module
 */
import type { Config } from "./config.ts"

/** The answer to `--help`. */
export const HELP = `\
headwater: mirrors sources in memory and streams them, a snapshot, then every change

  headwater [options]

  --listen HOST:PORT          where to listen; 127.0.0.1:8080 unless given
  --topic NAME=SOURCE         serve a topic; again for more; default=memory: unless given
  --allow-anonymous WHAT      read or write: what somebody without a token may do; needed to listen
                              beyond this machine
  --allow-host NAME           a name by which a hub on loopback may be addressed; again for more
  --cors ORIGIN               let pages of this origin use the hub; again for more
  --help, --version

SOURCE is one of
  memory:                                  forgotten when the hub stops
  etcd://HOST:PORT[,HOST:PORT]/PREFIX/     the keys of an etcd (v3) under /PREFIX/; read-only
with the options
  ?values=json|text|binary    what values are; json unless given
  ?write=1                    let an etcd topic be written

Environment, used where an option is not given
  HEADWATER_LISTEN            as --listen
  HEADWATER_TOPICS            as --topic, several apart by white space or semicolons
  HEADWATER_ETCD_USERNAME     and HEADWATER_ETCD_PASSWORD, or HEADWATER_ETCD_PASSWORD_FILE
`

/** What the hub says when it listens: where, what it serves, and three lines to try. */
export function greeting(config: Config, url: string): string {
  const { name, values, source } = config.topics[0]!
  const topics = config.topics.map(
    ({ name, values, source }) => `${name} (${values}, ${source.type})`,
  )
  const lines = [`headwater listens on ${url}, topics: ${topics.join(", ")}`]
  if (config.isDefault) {
    lines.push("the default topic is in memory only: a restart forgets it (--topic NAME=SOURCE)")
  }
  lines.push("", "try:", `  curl -N ${url}/v1/topics/${name}/stream`)
  lines.push(
    source.write && config.anonymous === "write"
      ? `  curl -X PUT ${EXAMPLES[values]} ${url}/v1/topics/${name}/entries/greeting`
      : `  curl ${url}/v1/topics/${name}/entries`,
  )
  lines.push(`  open ${url}/`, "")
  return lines.join("\n")
}

const EXAMPLES = {
  json: `-H content-type:application/json -d '"hello"'`,
  text: "-H content-type:text/plain -d hello",
  binary: "-H content-type:application/octet-stream -d hello",
}
