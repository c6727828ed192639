import { connect } from "node:http2"

/** The body of an answer that came by HTTP/2, as text. */
export function http2Text(origin: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connect(origin)
    session.on("error", reject)
    const request = session.request({ ":path": path })
    request.setEncoding("utf8")
    let body = ""
    request.on("data", (part) => {
      body += part
    })
    request.on("end", () => {
      session.close()
      resolve(body)
    })
    request.on("error", reject)
  })
}
