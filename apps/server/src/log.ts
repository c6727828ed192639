/** Writes one line to the log, with facts as fields. */
export type Log = (line: string, fields?: Readonly<Record<string, unknown>>) => void

/** Logs to the console's error stream: fields as `name=value`, an error with its stack. */
export const consoleLog: Log = (line, fields = {}) => {
  const texts = Object.entries(fields).map(([name, value]) =>
    value instanceof Error ? `${name}=${value.stack ?? value}` : `${name}=${JSON.stringify(value)}`,
  )
  console.error([line, ...texts].join(" "))
}
