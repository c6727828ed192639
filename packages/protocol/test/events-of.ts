/** The events of a stream as Headwater writes them: LF alone, one line of data. */
export function eventsOf(
  stream: string,
): { event: string; data: string; id: string; retry: string }[] {
  return stream
    .split("\n\n")
    .map((block) => {
      const fields = { event: "", data: "", id: "", retry: "" }
      for (const line of block.split("\n")) {
        const [, name, value] = /^(event|data|id|retry): (.*)$/s.exec(line) ?? []
        if (name) fields[name as keyof typeof fields] = value!
      }
      return fields
    })
    .filter(({ data }) => data !== "")
}
