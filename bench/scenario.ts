import type { SubjectProcess } from "./subject-process.ts"
import type { Measurement, SizeName, Task } from "./task.ts"

/**
 * One question, asked of several subjects on every runtime.
 *
 * Subjects take turns, A B A B, in fresh processes: none inherits the heap, the compiled code or
 * the garbage of another. A visit throws when the subject's answer is wrong.
 */
export interface Scenario {
  readonly name: string
  readonly question: string
  /** The subject that is the least code that could do the job. */
  readonly control: string
  /** In the order in which they take turns: ours, the control, the peers. */
  readonly subjects: readonly string[]
  readonly sizes: Readonly<Record<SizeName, readonly number[]>>
  /** Visits of each subject at each size. */
  readonly rounds: Readonly<Record<SizeName, number>>
  /** Measures in the subject's own process. */
  visit(task: Task): Promise<readonly Measurement[]>
  /**
   * For subjects that serve: what the load's process does meanwhile. The visit then only serves,
   * until its input ends, and this measures.
   */
  drive?(task: Task, server: SubjectProcess): Promise<readonly Measurement[]>
  /** The reason why it cannot run on this machine, if there is one. */
  missing?(): string | undefined
  /** Arguments of the subject's program, where it takes some. */
  argumentsOf?(task: Task): readonly string[]
}
