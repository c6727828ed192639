import { copySqliteFile } from "@headwater/syncer/sqlite"
import { say, type TaskContext } from "./task-context.ts"
import { EXIT, lineOf, TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { countText } from "./text-table.ts"

/** `headwater backup FILE COPY`: copies the sqlite file of a topic while its hub runs. */
export async function backup(input: TaskInput, context: TaskContext): Promise<number> {
  const path = input.argument(0).replace(/^sqlite:/, "")
  const copy = input.argument(1)
  try {
    const { entries, revision } = copySqliteFile(path, copy)
    await say(context, `copied ${countText(entries)} entries at revision ${revision} to ${copy}`)
    return EXIT.done
  } catch (error) {
    throw new TaskError(lineOf(error), EXIT.failed, { cause: error })
  }
}
