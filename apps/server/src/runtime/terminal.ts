import { spawn } from "node:child_process"
import { createReadStream, createWriteStream, type WriteStream } from "node:fs"
import { chmod, mkdir, rename, rm, stat, writeFile } from "node:fs/promises"
import { connect } from "node:http2"
import { dirname } from "node:path"
import { Readable, type Writable } from "node:stream"
import { finished } from "node:stream/promises"
import { createGunzip, createGzip } from "node:zlib"

/** The reader of a pipe has gone: `headwater ls | head`. */
export class PipeClosedError extends Error {
  override readonly name = "PipeClosedError"
}

/** The standard output or error output of a command. */
export interface TerminalOutput {
  readonly isTerminal: boolean
  /** The width of the terminal, in characters; 80 where there is none. */
  readonly columns: number
  /**
   * Resolves once there is room for more.
   *
   * @throws {PipeClosedError} nothing reads it any more.
   */
  write(chunk: string | Uint8Array): Promise<void>
}

/** A file that is being written. It appears under its name when it is whole, by `close`. */
export interface FileOutput {
  write(chunk: string | Uint8Array): Promise<void>
  close(): Promise<void>
  /** Leaves the file that was there before as it was. Harmless after `close`. */
  discard(): Promise<void>
}

/** A program to run, and its surroundings. */
export interface ProgramOptions {
  readonly env: Readonly<Record<string, string>>
  /** Its standard input. */
  readonly input: string
  /** Ends it with SIGTERM. */
  readonly signal: AbortSignal
}

/** Streams, files and programs, for commands that a person or a script runs. */
export interface Terminal {
  readonly output: TerminalOutput
  readonly errors: TerminalOutput
  readonly isInputTerminal: boolean
  /** The standard input, read when it is iterated. */
  input(): AsyncIterable<Uint8Array>
  /** @throws the platform's error: `code` is `ENOENT` where there is no such file. */
  readFile(path: string): AsyncIterable<Uint8Array>
  /** The bytes of a file; `undefined` where it has no size, or is not there. */
  fileBytes(path: string): Promise<number | undefined>
  /** @param isGzip compresses what is written. */
  createFile(path: string, isGzip: boolean): FileOutput
  /** Writes a file that only its owner may read, and the folders above it. */
  writePrivate(path: string, text: string): Promise<void>
  removeFile(path: string): Promise<void>
  /** Expands gzip, of one member or several. */
  gunzip(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
  /** Runs a command line of the shell, with this process's outputs. Resolves with its exit code. */
  runShell(commandLine: string, options: ProgramOptions): Promise<number>
  /** True when a server at an `https:` origin speaks HTTP/2. Rejects where it cannot be reached. */
  speaksHttp2(origin: string, signal: AbortSignal): Promise<boolean>
}

/** The terminal of this process; the same on Node, Deno and Bun. */
export function processTerminal(): Terminal {
  return {
    output: outputOf(process.stdout),
    errors: outputOf(process.stderr),
    isInputTerminal: process.stdin.isTTY === true,
    input: () => process.stdin as AsyncIterable<Uint8Array>,
    readFile: (path) => createReadStream(path) as AsyncIterable<Uint8Array>,
    createFile,
    fileBytes: (path) =>
      stat(path).then(
        (found) => (found.isFile() ? found.size : undefined),
        () => undefined,
      ),
    async writePrivate(path, text) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      const draft = draftOf(path)
      await writeFile(draft, text, { mode: 0o600 })
      await chmod(draft, 0o600)
      await rename(draft, path)
    },
    removeFile: (path) => rm(path),
    gunzip: (chunks) => Readable.from(chunks).pipe(createGunzip()) as AsyncIterable<Uint8Array>,
    runShell,
    speaksHttp2,
  }
}

function outputOf(stream: Writable & { isTTY?: boolean; columns?: number }): TerminalOutput {
  let failure: Error | undefined
  stream.on("error", (error: Error & { code?: string }) => {
    failure = error.code === "EPIPE" ? new PipeClosedError("the pipe is closed") : error
  })
  return {
    get isTerminal() {
      return stream.isTTY === true
    },
    get columns() {
      return stream.columns ?? 80
    },
    write: (chunk) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        stream.write(chunk, (error) => {
          if (!error) return resolve()
          const { code } = error as { code?: string }
          const isClosed = code === "EPIPE" || code === "ERR_STREAM_DESTROYED"
          reject(isClosed ? new PipeClosedError("the pipe is closed") : error)
        })
      }),
  }
}

function draftOf(path: string): string {
  return `${path}.${process.pid}.part`
}

function createFile(path: string, isGzip: boolean): FileOutput {
  const draft = draftOf(path)
  const file: WriteStream = createWriteStream(draft)
  const gzip = isGzip ? createGzip() : undefined
  gzip?.pipe(file)
  const head: Writable = gzip ?? file
  let failure: Error | undefined
  let isEnded = false
  for (const stream of [file, gzip]) {
    stream?.on("error", (error: Error) => {
      failure ??= error
      head.destroy()
    })
  }
  return {
    write: (chunk) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        head.write(chunk, (error) => (error ? reject(failure ?? error) : resolve()))
      }),
    async close() {
      isEnded = true
      head.end()
      await finished(file)
      await rename(draft, path)
    },
    async discard() {
      if (isEnded) return
      isEnded = true
      head.destroy()
      file.destroy()
      await finished(file).catch(() => {})
      await rm(draft, { force: true })
    },
  }
}

function runShell(commandLine: string, options: ProgramOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", commandLine], {
      env: { ...process.env, ...options.env },
      stdio: ["pipe", "inherit", "inherit"],
      // A group of its own, so that the programs which the shell started end with it.
      detached: true,
    })
    const end = () => {
      try {
        process.kill(-child.pid!, "SIGTERM")
      } catch {
        child.kill("SIGTERM")
      }
    }
    options.signal.addEventListener("abort", end)
    child.once("error", reject)
    child.once("close", (code, signal) => {
      options.signal.removeEventListener("abort", end)
      resolve(code ?? (signal === null ? 1 : 128))
    })
    // A program that does not read its input has the right not to.
    child.stdin.on("error", () => {})
    child.stdin.end(options.input)
  })
}

function speaksHttp2(origin: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const session = connect(origin)
    const end = () => session.destroy()
    signal.addEventListener("abort", end)
    session.once("remoteSettings", () => {
      resolve(session.alpnProtocol === "h2")
      session.close()
    })
    session.once("error", (error: Error & { code?: string }) => {
      // The server chose another protocol.
      if (/ALPN|ERR_HTTP2_ERROR/.test(`${error.code} ${error.message}`)) resolve(false)
      else reject(error)
    })
    session.once("close", () => {
      signal.removeEventListener("abort", end)
      resolve(false)
    })
  })
}
