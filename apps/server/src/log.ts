/** Says a line, with facts beside it, to whoever keeps the log. */
export type Log = (line: string, fields?: Readonly<Record<string, unknown>>) => void

/** Writes lines to the console's error stream: facts as `name=value`, an error with its stack. */
export const consoleLog: Log = (line, fields = {}) => {
  const facts = Object.entries(fields).map(([name, value]) =>
    value instanceof Error ? `${name}=${value.stack ?? value}` : `${name}=${JSON.stringify(value)}`,
  )
  console.error([line, ...facts].join(" "))
}
