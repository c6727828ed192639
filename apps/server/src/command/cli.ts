/**
 * What the command says.
 *
 * @module
 */
import type { Config } from "./config.ts"
import type { TopicConfig } from "./topic-config.ts"

/** The answer to `--help`. */
export const HELP = `\
headwater: mirrors sources in memory and streams them, a snapshot, then every change

  headwater [options]

  --listen HOST:PORT          where to listen; 127.0.0.1:8080 unless given
  --topic NAME=SOURCE         serve a topic; again for more; unless given,
                              default=sqlite:./data/default.db
  --allow-anonymous ACCESS    read or write: access of clients without a token; needed to listen
                              beyond this machine, and for writes through a proxy on this machine
  --allow-host NAME           a Host that a hub on loopback also answers to; again for more
  --cors ORIGIN               let pages of this origin use the hub; again for more
  --compress                  stream in gzip to readers who accept it
  --help, --version

SOURCE is one of
  sqlite:PATH                              kept in a file, which is made where it is absent
  memory:                                  forgotten when the hub stops
  etcd://HOST:PORT[,HOST:PORT]/PREFIX/     the keys of an etcd (v3) under /PREFIX/; read-only
  etcds://HOST:PORT[,HOST:PORT]/PREFIX/    the same by TLS
  etcd2://HOST:PORT[,HOST:PORT]/DIRECTORY/ the files of an etcd (v2 keys API); cannot be written
  etcd2s://HOST:PORT[,…]/DIRECTORY/        the same by TLS
  headwater+http://HOST:PORT/TOPIC         a topic of another hub, or headwater+https:; read-only
with the options
  ?values=json|text|binary    what values are; json unless given
  ?write=1                    let one of etcd or a hub be written; ?write=0: let another one not be
of another hub
  ?token-file=PATH            what to show to it, where that is not what all others are shown
and those of etcd
  ?marker=1                   tell a restored etcd by a key of the hub's own; with write=1 unless 0
  ?reads=serializable         let any member of etcd answer a list
  ?history=REVISIONS          how far back a hub that starts begins; 20000 unless given

Environment, used where an option is not given
  HEADWATER_LISTEN            as --listen
  HEADWATER_TOPICS            as --topic, several apart by white space or semicolons
  HEADWATER_HUB_TOKEN         or HEADWATER_HUB_TOKEN_FILE: what is shown to other hubs
  HEADWATER_HUB_CA_FILE       whom a headwater+https topic trusts; PEM
  HEADWATER_HUB_CERT_FILE     and HEADWATER_HUB_KEY_FILE: what is shown to who asks; PEM
  HEADWATER_ETCD_USERNAME     and HEADWATER_ETCD_PASSWORD, or HEADWATER_ETCD_PASSWORD_FILE
  HEADWATER_ETCD_CA_FILE      whom an etcds or etcd2s topic trusts; PEM
  HEADWATER_ETCD_CERT_FILE    and HEADWATER_ETCD_KEY_FILE: what the hub shows to etcd; PEM
`

/** A topic that is kept in a file, and the absolute path of that. */
export interface KeptTopic {
  readonly name: string
  readonly file: string
}

/**
 * Returns the lines of a hub that has begun to listen: its address, its topics and their files, a
 * warning where no access was chosen, and three commands to try.
 */
export function greeting(config: Config, url: string, files: readonly KeptTopic[]): string {
  const isWritable = ({ write }: TopicConfig["source"]) => write && config.anonymous === "write"
  const { name, values, source } = config.topics[0]!
  const topics = config.topics.map(
    ({ name, values, source }) =>
      `${name} (${[values, source.type, ...(isWritable(source) ? [] : ["read-only"])].join(", ")})`,
  )
  const lines = [`headwater listens on ${url}, topics: ${topics.join(", ")}`]
  for (const { name, file } of files) lines.push(`topic ${name} is kept in ${file}`)
  if (!config.isAccessChosen) lines.push(...OPEN_ACCESS)
  lines.push("", "try:", `  curl -N ${url}/v1/topics/${name}/stream`)
  lines.push(
    isWritable(source)
      ? `  curl -X PUT ${EXAMPLES[values]} ${url}/v1/topics/${name}/entries/greeting`
      : `  curl ${url}/v1/topics/${name}/entries`,
  )
  lines.push(`  open ${url}/`, "")
  return lines.join("\n")
}

const OPEN_ACCESS = [
  "every program on this machine may read and write, and a proxy here makes the hub public:",
  "  choose the access of its clients with --allow-anonymous read or write",
]

const EXAMPLES = {
  json: `-H content-type:application/json -d '"hello"'`,
  text: "-H content-type:text/plain -d hello",
  binary: "-H content-type:application/octet-stream -d hello",
}
