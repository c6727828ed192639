import type { Config } from "./config.ts"
import type { TopicConfig } from "./topic-config.ts"

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
  const first = config.topics[0]!
  const lines = [greetingLine(config, url)]
  for (const { name, file } of files) lines.push(`topic ${name} is kept in ${file}`)
  if (config.access === undefined) lines.push(OPEN_ACCESS.replace("public: ", "public:\n  "))
  if (config.access !== undefined && config.access.anonymous === undefined) {
    const header = '-H "authorization: Bearer $HEADWATER_TOKEN"'
    lines.push("", "try:", `  curl -N ${header} ${url}/v1/topics/${first.name}/stream`, "")
    return lines.join("\n")
  }
  lines.push("", "try:", `  curl -N ${url}/v1/topics/${first.name}/stream`)
  lines.push(
    isWritable(config, first)
      ? `  curl -X PUT ${EXAMPLES[first.values]} ${url}/v1/topics/${first.name}/entries/greeting`
      : `  curl ${url}/v1/topics/${first.name}/entries`,
  )
  lines.push(`  open ${url}/`, "")
  return lines.join("\n")
}

/** Returns the first line of the greeting: the address and the topics. */
export function greetingLine(config: Config, url: string): string {
  const topics = config.topics.map((topic) => {
    const access = isWritable(config, topic) ? [] : ["read-only"]
    return `${topic.name} (${[topic.values, topic.source.kind, ...access].join(", ")})`
  })
  return `headwater listens on ${url}, topics: ${topics.join(", ")}`
}

function isWritable({ access }: Config, { write }: TopicConfig): boolean {
  return write && access?.anonymous !== "read"
}

/** The warning of a hub whose access was not chosen. */
export const OPEN_ACCESS =
  "every program on this machine may read and write, and a proxy here makes the hub public: " +
  "choose the access of its clients with --tokens, or --allow-anonymous read or write"

const EXAMPLES = {
  json: `-H content-type:application/json -d '"hello"'`,
  text: "-H content-type:text/plain -d hello",
  binary: "-H content-type:application/octet-stream -d hello",
}
