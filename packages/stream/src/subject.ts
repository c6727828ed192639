/** Which part of which topic. */
export interface Subject {
  readonly topic: string
  readonly subject: string
}

/** As a subject: every subject of a topic that was registered with `wildcard`. */
export const EVERY_SUBJECT = "*"
