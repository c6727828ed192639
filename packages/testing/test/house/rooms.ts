import { importsOf, resolveRelative } from "./imports.ts"
import { placeOf, type SourceFile } from "./source-file.ts"

const SOURCES = "apps/server/src/"

/**
 * The rooms of the server, and what each may import; a room may import whatever the arrows reach.
 * `hub` is the files of a hub and its topics, `base` what stands below all rooms.
 *
 *   command → runtime → http → metrics → hub → drain → event-stream → fan-out → observe → base
 *                                            event-stream → access → base
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  top: ["command"],
  command: ["runtime"],
  runtime: ["http"],
  http: ["metrics", "page"],
  metrics: ["hub"],
  hub: ["drain"],
  drain: ["event-stream"],
  "event-stream": ["fan-out", "access"],
  access: ["observe"],
  "fan-out": ["observe"],
  observe: ["base"],
  page: ["base"],
  base: [],
}

/** Coders of a runtime, which stand beside its adapter and import nothing. */
const LEAVES = new Set(["runtime/deflate.ts"])

const ROOM_OF_FILE: Readonly<Record<string, string>> = {
  "index.ts": "top",
  "main.ts": "top",
  "hub.ts": "hub",
  "hub-options.ts": "hub",
  "topic.ts": "hub",
  "continuations.ts": "hub",
}

/** Imports of the server that run upward between its rooms. */
export function findUpwardImports(file: SourceFile): string[] {
  if (!file.path.startsWith(SOURCES)) return []
  const room = roomOf(file.path)
  if (!(room in ARROWS)) return [`${file.path}: no arrow leads to the room ${room}`]
  const allowed = reachOf(room)
  return importsOf(file).flatMap(({ specifier, node }) => {
    const target = specifier.startsWith(".") ? resolveRelative(file.path, specifier) : ""
    if (!target.startsWith(SOURCES) || LEAVES.has(target.slice(SOURCES.length))) return []
    const other = roomOf(target)
    return allowed.has(other)
      ? []
      : [`${placeOf(file, node)}: ${room} may not import ${other} (${specifier})`]
  })
}

function roomOf(path: string): string {
  const [first = "", second] = path.slice(SOURCES.length).split("/")
  return second === undefined ? (ROOM_OF_FILE[first] ?? "base") : first
}

function reachOf(room: string): ReadonlySet<string> {
  const reached = new Set([room])
  for (const next of reached) for (const other of ARROWS[next] ?? []) reached.add(other)
  return reached
}
