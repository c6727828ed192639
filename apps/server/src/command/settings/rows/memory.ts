import { CACHE_LIMITS } from "@headwater/cache"
import { ConfigError } from "../../config-error.ts"
import { formatDuration, formatSize } from "../quantity.ts"
import type { Settings } from "../setting.ts"
import { duration, size } from "../setting-type.ts"

/** The memory of an engine: at least 4 MiB, at most 4 GiB, 1 GiB unless given. */
const TOPIC_MEMORY = { least: 4 * 2 ** 20, most: 2 ** 32 }

/** Settings of the memory and the history of topics. */
export const MEMORY = {
  memory: {
    group: "Topics and memory",
    type: size({ least: TOPIC_MEMORY.least, most: Number.MAX_SAFE_INTEGER }),
    help: "most bytes of the states of all topics; each topic gets an equal part",
  },
  "topic-memory": {
    group: "Topics and memory",
    type: size(TOPIC_MEMORY),
    initial: "1GiB",
    help: "most bytes of the state of one topic; when it is full, it takes no more writes",
  },
  history: {
    group: "Topics and memory",
    type: duration({ least: 0, most: 365 * 86_400_000 }),
    initial: formatDuration(CACHE_LIMITS.historyMs),
    help: "age up to which a reader can resume without a snapshot",
  },
  "history-size": {
    group: "Topics and memory",
    type: size({ least: 0, most: TOPIC_MEMORY.most }),
    initial: formatSize(CACHE_LIMITS.tombstoneBytesMax),
    help: "most bytes of deleted entries that one topic remembers for readers that resume",
  },
} as const satisfies Settings

/** The settings that bound the memory of topics. */
export interface MemoryValues {
  readonly memory: number | undefined
  readonly "topic-memory": number
}

/**
 * Returns the bound of the state of each topic, in bytes.
 *
 * @throws {ConfigError} the part of a topic could not even hold an empty state.
 */
export function topicMemoryOf(values: MemoryValues, topics: number): number {
  const { memory = Number.POSITIVE_INFINITY, "topic-memory": ofTopic } = values
  const part = Math.floor(memory / topics)
  if (part < TOPIC_MEMORY.least) {
    const least = formatSize(TOPIC_MEMORY.least)
    throw new ConfigError(
      `--memory ${formatSize(memory)} is too little for ${topics} topics: each needs ${least}`,
    )
  }
  return Math.min(ofTopic, part)
}
