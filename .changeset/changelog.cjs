/**
 * Entries of a changelog: the words of the changeset and nothing else. Versions of packages beside
 * it rise together (`fixed` in config.json), so no entry repeats that a dependency was updated.
 */
module.exports = {
  async getReleaseLine({ summary }) {
    const [first, ...rest] = summary.trim().split("\n")
    return `\n- ${[first, ...rest.map((line) => (line ? `  ${line}` : ""))].join("\n")}`
  },
  async getDependencyReleaseLine() {
    return ""
  },
}
