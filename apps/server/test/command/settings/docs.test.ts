import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { SETTINGS } from "../../../src/command/settings/table.ts"
import { settingsMarkdown } from "../../support/settings-markdown.ts"

const FILE = join(import.meta.dirname, "../../../../../docs/settings.md")

test("docs/settings.md has every setting, as the table has it (-u writes it)", async () => {
  const text = await readFile(FILE, "utf8")
  await expect(settingsMarkdown(text, SETTINGS)).toMatchFileSnapshot(FILE)
})
