import type { Log } from "../log.ts"
import type { Runtime } from "../runtime/runtime.ts"
import type { TopicOptions } from "../topic.ts"
import type { Config } from "./config.ts"
import { ConfigError } from "./config-error.ts"
import type { KeptTopic } from "./greeting.ts"
import { sourceContext } from "./source-context.ts"
import type { TopicConfig } from "./topic-config.ts"

/** Opens the sources of all topics. @throws {ConfigError} one of them cannot be used. */
export async function openTopics(
  runtime: Runtime,
  config: Config,
  log: Log,
): Promise<TopicOptions[]> {
  const topics: TopicOptions[] = []
  try {
    for (const topic of config.topics) topics.push(await openTopic(runtime, config, topic, log))
    return topics
  } catch (error) {
    await Promise.all(topics.map(({ source }) => source.close()))
    throw error
  }
}

/** Opens the source of one topic. @throws {ConfigError} it cannot be used. */
export async function openTopic(
  runtime: Runtime,
  { topicMemory, cache }: Config,
  { name, values, source }: TopicConfig,
  log: Log,
): Promise<TopicOptions> {
  const warn = (line: string) => log(line, { topic: name }, "warn")
  try {
    const opened = await source.open(sourceContext(runtime, values, warn))
    return { name, values, source: opened, memoryBytesMax: topicMemory, cache }
  } catch (error) {
    throw new ConfigError(`topic "${name}": ${(error as Error).message}`)
  }
}

/** Returns the topics that are kept in a file. */
export function keptTopics(config: Config, topics: readonly TopicOptions[]): KeptTopic[] {
  return topics.flatMap(({ name, source }, index) => {
    const file = config.topics[index]!.source.fileOf?.(source)
    return file === undefined ? [] : [{ name, file }]
  })
}
