import type { Revision } from "@headwater/core"

/** A file or a directory, as etcd writes it. Directories have no value. */
export interface NodeMessage {
  /** From the root, with a leading slash. Absent for the root itself. */
  readonly key?: string
  readonly dir?: boolean
  readonly value?: string
  readonly nodes?: readonly NodeMessage[]
  readonly modifiedIndex?: number
}

/** One write, as an event. */
export interface EventMessage {
  readonly action: string
  readonly node: NodeMessage
  readonly prevNode?: NodeMessage
}

/** Why a request was refused. */
export interface ErrorMessage {
  readonly errorCode: number
  readonly message?: string
  readonly cause?: string
}

/** There is no such key. */
export const KEY_ABSENT = 100
/** The events from there on are no longer kept. */
export const INDEX_CLEARED = 401

/** The headers of every answer. */
export interface AnswerHead {
  /** The index of the whole store when it was read, or when a watch began. */
  readonly index: Revision
  readonly clusterId: string
}

/** A whole answer, or a refusal. */
export interface Answer extends AnswerHead {
  readonly body: EventMessage | ErrorMessage
}

/** Recognises a refusal. */
export function isRefusal(body: EventMessage | ErrorMessage): body is ErrorMessage {
  return "errorCode" in body
}
