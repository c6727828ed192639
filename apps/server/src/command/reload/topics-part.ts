import type { Hub } from "../../hub.ts"
import type { TopicOptions } from "../../topic.ts"
import type { Config } from "../config.ts"
import type { TopicConfig } from "../topic-config.ts"
import type { ReloadPart } from "./reload-part.ts"

/** Opens the source of a topic. @throws {ConfigError} it cannot be used. */
export type OpenTopic = (topic: TopicConfig, config: Config) => Promise<TopicOptions>

/**
 * The part of a reload that adds and removes topics. A topic of a name that is given otherwise now
 * is removed, and another one is added. The rest is not touched.
 */
export function topicsPart(hub: Hub, served: readonly TopicConfig[], open: OpenTopic): ReloadPart {
  const textOf = new Map(served.map(({ name, text }) => [name, text]))
  return {
    async prepare({ config }) {
      const wanted = new Map(config.topics.map(({ name, text }) => [name, text]))
      const added = config.topics.filter(({ name, text }) => textOf.get(name) !== text)
      const removed = [...textOf.keys()].filter((name) => wanted.get(name) !== textOf.get(name))
      if (added.length === 0 && removed.length === 0) return undefined
      const opened: TopicOptions[] = []
      const discard = async () => {
        await Promise.all(opened.map(({ source }) => source.close()))
      }
      try {
        for (const topic of added) opened.push(await open(topic, config))
      } catch (error) {
        await discard()
        throw error
      }
      return {
        change: changeOf(added, removed),
        discard,
        async apply() {
          await Promise.all(removed.map((name) => hub.removeTopic(name)))
          for (const name of removed) textOf.delete(name)
          for (const [index, options] of opened.entries()) {
            hub.addTopic(options)
            textOf.set(options.name, added[index]!.text)
          }
        },
      }
    },
  }
}

function changeOf(added: readonly TopicConfig[], removed: readonly string[]): string {
  const names = added.map(({ name }) => name)
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ["added", names.filter((name) => !removed.includes(name))],
    ["replaced", names.filter((name) => removed.includes(name))],
    ["removed", removed.filter((name) => !names.includes(name))],
  ]
  return lists
    .filter(([, some]) => some.length > 0)
    .map(([what, some]) => `topics ${what}: ${some.join(", ")}`)
    .join("; ")
}
