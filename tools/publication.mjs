/**
 * The place where the source is published, such as `https://github.com/OWNER/headwater`. While it
 * is undefined nothing can be released. `npm run release:check -- --write` writes it into every
 * manifest, as `repository`, `homepage` and `bugs`.
 */
export const PLACE = undefined

/** The fields of a package's manifest that say where its source is. */
export function placeFields(place, folder) {
  return {
    repository: { type: "git", url: `git+${place}.git`, directory: folder },
    homepage: `${place}/tree/main/${folder}#readme`,
    bugs: `${place}/issues`,
  }
}
