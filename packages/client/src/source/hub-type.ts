import { AccessError, OptionError, type SourceSecret, type SourceType } from "@headwater/core"
import { TOPIC_PATTERN } from "@headwater/protocol"
import { hubSource } from "./hub-source.ts"

/** `headwater+http://HOST/TOPIC` on a command line: a topic of another hub. */
export const hubType: SourceType<typeof fetch> = {
  schemes: ["headwater+http:", "headwater+https:"],
  writes: "if-asked",
  forms: [["headwater+http://HOST:PORT/TOPIC", "a topic of another hub, or headwater+https:"]],
  options: [
    {
      name: "token-file",
      pattern: /./,
      help: ["token-file=PATH", "the token for this hub, in place of HEADWATER_HUB_TOKEN"],
    },
  ],
  variables: [
    ["HEADWATER_HUB_TOKEN", "or HEADWATER_HUB_TOKEN_FILE: the token for other hubs"],
    ["HEADWATER_HUB_CA_FILE", "the authority that headwater+https topics trust; PEM"],
    ["HEADWATER_HUB_CERT_FILE", "and HEADWATER_HUB_KEY_FILE: the hub's certificate; PEM"],
  ],
  parse({ scheme, rest, options, write }) {
    const { url, topic } = addressOf(scheme, rest)
    const file = options.get("token-file")
    return {
      kind: "hub",
      async open(context) {
        const token =
          file === undefined
            ? await tokenOf(await context.secret(VARIABLE), `${VARIABLE}_FILE`)
            : await tokenOf(await context.secretFile(file, OPTION), OPTION)
        const secure = await context.fetchWith("HEADWATER_HUB")
        const fetch = scheme === "headwater+https:" ? secure : undefined
        const { clock, values } = context
        return hubSource({ url, topic, write, values, clock, token, fetch })
      },
    }
  },
}

const VARIABLE = "HEADWATER_HUB_TOKEN"
const OPTION = "token-file"

function addressOf(scheme: string, rest: string): { url: string; topic: string } {
  const [, base = "", topic = ""] = /^(\/\/[^/@\s]+(?:\/[^\s]*)?)\/([^/]*)$/.exec(rest) ?? []
  const url = `${scheme.slice("headwater+".length)}${base}`
  if (base !== "" && TOPIC_PATTERN.test(topic) && URL.canParse(url)) return { url, topic }
  throw new OptionError(scheme, "say which topic of which hub: headwater+http://HOST:PORT/TOPIC")
}

// A file without a token is an error at the start. Later it may be written anew at any moment.
async function tokenOf(secret: SourceSecret | undefined, named: string) {
  if (typeof secret !== "function") return secret
  checked(await secret(), named)
  return async () => {
    const text = await secret()
    try {
      return checked(text, named)
    } catch (cause) {
      throw new AccessError((cause as Error).message, "ERR_UNAUTHENTICATED", { cause })
    }
  }
}

function checked(text: string, named: string): string {
  const token = text.trim()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new OptionError("token", `the file named by ${named} holds no token`)
}
