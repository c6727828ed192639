import { answerUsage, say } from "../channel.ts"
import type { SubjectProcess } from "../subject-process.ts"
import { becomeHub, HUB_ARGUMENTS, IN_SYNC, urlOfHub } from "./hub.ts"

/** A server of changes: its start, and the first bytes that a reader gets. */
interface ChangeServer {
  start(gathers: boolean): Promise<string>
  readonly opening: string
}

const servers: Readonly<Record<string, ChangeServer>> = {
  bare: {
    start: async (gathers) => (await import("./control.ts")).serveControl(gathers),
    opening: ":\n\n",
  },
  "hono streamSSE": {
    start: async () => (await import("./hono.ts")).serveHono(),
    opening: ":\n\n",
  },
  "better-sse": {
    start: async () => (await import("./better-sse.ts")).serveBetterSse(),
    opening: "retry:",
  },
}

/** Arguments of a subject's program: only ours is a command. */
export function argumentsOf({ subject }: { readonly subject: string }): readonly string[] {
  return subject === "headwater" ? HUB_ARGUMENTS : []
}

/** Serves as a subject, until the process's input ends. */
export async function serveAs(
  subject: string,
  options: { readonly gathers?: boolean } = {},
): Promise<void> {
  answerUsage()
  if (subject === "headwater") return await becomeHub()
  const url = await servers[subject]?.start(options.gathers ?? false)
  say({ type: "ready", url: url ?? "" })
}

/** The address of a subject, and the bytes by which a reader knows that it follows. */
export async function reach(
  subject: string,
  server: SubjectProcess,
): Promise<{ url: string; stream: string; opening: string }> {
  const isHub = subject === "headwater"
  const url = isHub ? await urlOfHub(server) : (await server.next("ready")).url
  const opening = isHub ? IN_SYNC : (servers[subject]?.opening ?? "")
  return { url, stream: `${url}/v1/topics/bench/stream`, opening }
}
