import { TOPIC_PATTERN } from "@headwater/protocol"
import { type HubContexts, type NamedHub, readContexts } from "./hub-contexts.ts"
import type { TaskContext } from "./task-context.ts"
import { TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"

/** A hub to ask, and the token to show. */
export interface HubTarget {
  /** Without a slash at its end. */
  readonly url: string
  /** Read anew for each request, as a token in a file is renewed. */
  readonly token: () => Promise<string | undefined>
}

/** A topic of a hub. */
export interface TopicTarget {
  readonly hub: HubTarget
  readonly topic: string
  /** `http://127.0.0.1:8080/v1/topics/default`. */
  readonly url: string
}

/** The hub that is asked where none is named. */
export const DEFAULT_URL = "http://127.0.0.1:8080"

/**
 * Finds the hub: `--url`, `--context`, `HEADWATER_URL`, the context in use, or this machine.
 *
 * A token goes only to the hub that it is for: that of `--token-file`, `HEADWATER_TOKEN` or
 * `HEADWATER_TOKEN_FILE` to the hub that the options or variables name, that of a context to its.
 */
export async function hubTarget(input: TaskInput, context: TaskContext): Promise<HubTarget> {
  return targetOf(await readContexts(context), input, context)
}

/**
 * Finds the topic that an argument names: `TOPIC` of the hub, `CONTEXT:TOPIC`, or a topic's URL.
 */
export async function topicTarget(
  text: string,
  input: TaskInput,
  context: TaskContext,
): Promise<TopicTarget> {
  const contexts = await readContexts(context)
  if (/^https?:\/\//.test(text)) return fromUrl(text, contexts, input, context)
  const [, name, topic = text] = /^([^:]*):(.*)$/.exec(text) ?? []
  if (!TOPIC_PATTERN.test(topic)) {
    throw new TaskError(
      `"${text}" is no topic: give its name, CONTEXT:TOPIC, or http://HOST/v1/topics/TOPIC`,
    )
  }
  const hub =
    name === undefined
      ? targetOf(contexts, input, context)
      : namedTarget(name, contexts, input, context)
  return topicOf(hub, topic)
}

/** A topic of a hub that is known. */
export function topicOf(hub: HubTarget, topic: string): TopicTarget {
  return { hub, topic, url: `${hub.url}/v1/topics/${topic}` }
}

/** The text of an address, without the slash at its end. @throws {TaskError} it is none. */
export function checkUrl(text: string, named: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHttp = url !== undefined && /^https?:$/.test(url.protocol)
  if (!isHttp || url.username !== "" || url.search !== "") {
    throw new TaskError(
      `${named} takes a hub's address, such as ${DEFAULT_URL}, without credentials; not "${text}"`,
    )
  }
  return `${url.origin}${url.pathname}`.replace(/\/$/, "")
}

function targetOf(contexts: HubContexts, input: TaskInput, context: TaskContext): HubTarget {
  const { env } = context
  const url = input.text("url")
  const named = input.text("context")
  if (url !== undefined && named !== undefined) {
    throw new TaskError("give --url or --context, not both")
  }
  if (url !== undefined) return withToken(checkUrl(url, "--url"), input, context)
  if (named !== undefined) return namedTarget(named, contexts, input, context)
  const fromEnv = env("HEADWATER_URL")
  if (fromEnv) return withToken(checkUrl(fromEnv, "HEADWATER_URL"), input, context)
  const { current } = contexts
  if (current !== undefined) return namedTarget(current, contexts, input, context)
  return withToken(DEFAULT_URL, input, context)
}

function namedTarget(
  name: string,
  { hubs }: HubContexts,
  input: TaskInput,
  context: TaskContext,
): HubTarget {
  const hub = Object.hasOwn(hubs, name) ? hubs[name] : undefined
  if (hub === undefined) {
    const known = Object.keys(hubs).join(", ") || "none"
    throw new TaskError(`there is no context "${name}" (known: ${known}); see headwater context`)
  }
  return contextTarget(hub, input, context)
}

function contextTarget(hub: NamedHub, input: TaskInput, context: TaskContext): HubTarget {
  const url = checkUrl(hub.url, "a context")
  const file = input.text("token-file") ?? hub.tokenFile
  return { url, token: async () => (file === undefined ? undefined : readToken(file, context)) }
}

// The URL of a topic may lead to any hub: only one that is known gets a token.
function fromUrl(
  text: string,
  contexts: HubContexts,
  input: TaskInput,
  context: TaskContext,
): TopicTarget {
  const [, base = "", topic = ""] = /^(.*)\/v1\/topics\/([^/?#]+)\/?$/.exec(text) ?? []
  if (!TOPIC_PATTERN.test(topic)) {
    throw new TaskError(`"${text}" is no topic's URL: give http://HOST/v1/topics/TOPIC`)
  }
  const url = checkUrl(base, "a topic")
  const own = Object.values(contexts.hubs).find((hub) => checkUrl(hub.url, "a context") === url)
  if (own !== undefined) return topicOf(contextTarget(own, input, context), topic)
  if (input.text("token-file") !== undefined) return topicOf(withToken(url, input, context), topic)
  const hub = targetOf(contexts, input, context)
  const isSame = new URL(hub.url).origin === new URL(url).origin
  return topicOf({ url, token: isSame ? hub.token : async () => undefined }, topic)
}

function withToken(url: string, input: TaskInput, context: TaskContext): HubTarget {
  const { env } = context
  return {
    url,
    async token() {
      const option = input.text("token-file")
      if (option !== undefined) return readToken(option, context)
      const text = env("HEADWATER_TOKEN")
      const file = env("HEADWATER_TOKEN_FILE")
      if (text && file) {
        throw new TaskError("give HEADWATER_TOKEN or HEADWATER_TOKEN_FILE, not both")
      }
      return file ? readToken(file, context) : text || undefined
    },
  }
}

async function readToken(file: string, context: TaskContext): Promise<string> {
  let text: string
  try {
    text = (await context.readText(file)).trim()
  } catch {
    throw new TaskError(`the token file ${file} cannot be read`)
  }
  if (/^[\x21-\x7e]+$/.test(text)) return text
  throw new TaskError(`the file ${file} holds no token`)
}
